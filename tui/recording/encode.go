package recording

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// mostPatches is how many patches follow a whole state at most: seeking applies all of them.
	mostPatches = 64
	// aliveEvery is how often it is recorded that the server was heard from, in milliseconds.
	aliveEvery = 1000
)

// channel is one of those that a source opens; the fleet has neither namespace nor name.
type channel struct{ from, namespace, name string }

func (c channel) line(ms int64, kind string) line {
	return line{MS: ms, From: c.from, Kind: kind, Namespace: c.namespace, Name: c.name}
}

// trackKey is a canary in one kind of channel: patches speak of the state before in the same.
type trackKey struct{ from, namespace, name string }

// written is what the file has of a canary.
type written struct {
	state   []byte
	patches int
	// size of the patches since the last whole state.
	size int
}

// encoder turns updates into lines.
type encoder struct {
	tracks map[trackKey]*written
	alive  map[channel]int64
	last   int64 // time of the last line
}

// encode is not ok for an update that need not be recorded.
func (e *encoder) encode(from channel, u source.Update, ms int64) (l line, ok bool, err error) {
	switch u := u.(type) {
	case source.Canary:
		return e.canary(from, u, ms)
	case source.Gone:
		delete(e.tracks, trackKey{from.from, u.Namespace, u.Name})
		l = from.line(ms, kindGone)
		l.Namespace, l.Name = u.Namespace, u.Name
	case source.Stale:
		l = from.line(ms, kindStale)
		l.Since, l.Error = writable(u.Since).UTC(), textOf(u.Err)
	case source.Fresh:
		l = from.line(ms, kindFresh)
	case source.Synced:
		l = from.line(ms, kindSynced)
	case source.Failed:
		l = from.line(ms, kindFailed)
		l.Error = textOf(u.Err)
	case source.Alive:
		if last, seen := e.alive[from]; seen && ms-last < aliveEvery {
			return line{}, false, nil
		}
		e.alive[from] = ms
		l = from.line(ms, kindAlive)
	case source.Live:
		l = from.line(ms, kindLive)
		l.Namespace, l.Name = u.Namespace, u.Name
		l.Time, l.Values, l.Note = writable(u.At).UTC(), valuesOf(u.Values), u.Note
	default:
		return line{}, false, nil // Of a later version of the source.
	}
	return l, true, nil
}

func (e *encoder) canary(from channel, u source.Canary, ms int64) (l line, ok bool, err error) {
	l = from.line(ms, kindCanary)
	l.Namespace, l.Name = u.View.Namespace, u.View.Name
	state, err := marshal(u.View)
	if err != nil {
		return line{}, false, fmt.Errorf("canary %s: %w", u.View.Key(), err)
	}
	key := trackKey{from.from, l.Namespace, l.Name}
	before := e.tracks[key]
	if before == nil {
		before = &written{}
		e.tracks[key] = before
	} else if bytes.Equal(before.state, state) {
		return line{}, false, nil
	}
	patch, err := before.patch(state)
	if err != nil {
		return line{}, false, fmt.Errorf("canary %s: %w", u.View.Key(), err)
	}
	if patch == nil {
		l.View = state
		before.patches, before.size = 0, 0
	} else {
		l.Patch = patch
		before.patches++
		before.size += len(patch)
	}
	before.state = state
	return l, true, nil
}

// patch leads from the state that was written last to another; nil when all of it is to be written.
func (w *written) patch(state []byte) ([]byte, error) {
	if w.state == nil || w.patches >= mostPatches || w.size > 2*len(state) {
		return nil, nil
	}
	var from, to any
	if err := json.Unmarshal(w.state, &from); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(state, &to); err != nil {
		return nil, err
	}
	patch, err := marshal(diff(from, to))
	if err != nil || len(patch) > len(state)/2 {
		return nil, err
	}
	return patch, nil
}

// marshal is json.Marshal without the escapes that only web pages need.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
