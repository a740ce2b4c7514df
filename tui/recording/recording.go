package recording

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Recording is what was read of a file. It does not change, and so is safe for concurrent use. The
// states are kept as they stand in the file, and decoded when they are asked for.
type Recording struct {
	// Header is the first line; its texts are cleaned.
	Header Header
	// Skipped is the number of lines of a kind that this version does not know.
	Skipped int
	// Truncated is true when the recording ends in the middle of a line, since the program was
	// killed.
	Truncated bool

	length  time.Duration
	entries []entry
	actions []Action
	// The entries that each channel plays, in order.
	fleet        []int32
	detail, live map[canaryKey][]int32
}

type canaryKey struct{ namespace, name string }

// entry is one line.
type entry struct {
	at                          time.Duration
	number                      int
	from, kind, namespace, name string
	// base is the entry that a patch speaks of, -1 for a whole state.
	base int32
	// data is the view or the patch of a canary, and the line of all else.
	data []byte
}

func (e *entry) key() canaryKey { return canaryKey{e.namespace, e.name} }

// Start is when the recording began.
func (r *Recording) Start() time.Time { return r.Header.Started }

// End is the time of the last line.
func (r *Recording) End() time.Time { return r.Header.Started.Add(r.length) }

// Actions are the operator verbs that were sent, in order.
func (r *Recording) Actions() []Action { return slices.Clone(r.actions) }

// Canaries lists what was seen, as namespace and name, in the order of their appearance.
func (r *Recording) Canaries() [][2]string {
	var out [][2]string
	seen := map[canaryKey]bool{}
	for i := range r.entries {
		if e := &r.entries[i]; e.kind == kindCanary && !seen[e.key()] {
			seen[e.key()] = true
			out = append(out, [2]string{e.namespace, e.name})
		}
	}
	return out
}

// Fleet brings a fresh screen to the state of all canaries at a time.
func (r *Recording) Fleet(at time.Time) []source.Update {
	return newCursor(r, r.fleet, screenFleet).all(at.Sub(r.Start()))
}

// Detail brings a fresh screen to the state of one canary at a time. While it was not open its state
// is that of the list, without pods and events.
func (r *Recording) Detail(at time.Time, namespace, name string) []source.Update {
	return newCursor(r, r.detail[canaryKey{namespace, name}], screenDetail).all(at.Sub(r.Start()))
}

// Updates is all that was reported of one canary, or of all where name is empty, with the time; of
// several updates of a canary in the same millisecond it is the last.
func (r *Recording) Updates(namespace, name string) iter.Seq2[time.Time, source.Update] {
	timeline, screen := r.fleet, screenFleet
	if name != "" {
		timeline, screen = r.detail[canaryKey{namespace, name}], screenDetail
	}
	return func(yield func(time.Time, source.Update) bool) {
		c := newCursor(r, timeline, screen)
		for {
			at, more := c.due()
			if !more {
				return
			}
			for _, ch := range c.move(at, false) {
				if u, ok := c.update(ch); ok && !yield(r.Start().Add(at), u) {
					return
				}
			}
		}
	}
}

// check makes sure that every state can be made, one canary after the other.
func (r *Recording) check() error {
	tracks := map[trackKey][]int32{}
	for i := range r.entries {
		if e := &r.entries[i]; e.kind == kindCanary {
			key := trackKey{e.from, e.namespace, e.name}
			tracks[key] = append(tracks[key], int32(i))
		}
	}
	first, worst := 0, error(nil) // The lowest line with an error.
	for _, track := range tracks {
		if number, err := r.checkTrack(track); err != nil && (worst == nil || number < first) {
			first, worst = number, err
		}
	}
	return worst
}

// checkTrack makes sure of one canary in one kind of channel.
func (r *Recording) checkTrack(track []int32) (number int, err error) {
	var state any
	for n, i := range track {
		e := &r.entries[i]
		var err error
		if e.base < 0 {
			state, err = nil, json.Unmarshal(e.data, new(view.Canary))
			if err == nil && n+1 < len(track) && r.entries[track[n+1]].base >= 0 {
				err = json.Unmarshal(e.data, &state)
			}
		} else {
			state, err = e.patch(state)
		}
		if err != nil {
			return e.number, fmt.Errorf("line %d: canary %s: %w", e.number, view.Clean(e.namespace+"/"+e.name), err)
		}
	}
	return 0, nil
}

func (e *entry) patch(state any) (any, error) {
	var patch []operation
	if err := json.Unmarshal(e.data, &patch); err != nil {
		return nil, err
	}
	return apply(state, patch)
}

// canary makes the state of an entry; it is not ok when the patches do not make a canary of it.
func (r *Recording) canary(i int32) (c view.Canary, ok bool) {
	chain := []int32{i}
	for r.entries[i].base >= 0 {
		i = r.entries[i].base
		chain = append(chain, i)
	}
	data := r.entries[i].data
	if len(chain) > 1 {
		var state any
		err := json.Unmarshal(data, &state)
		for _, patch := range slices.Backward(chain[:len(chain)-1]) {
			if err == nil {
				state, err = r.entries[patch].patch(state)
			}
		}
		if err == nil {
			data, err = json.Marshal(state)
		}
		if err != nil {
			return view.Canary{}, false
		}
	}
	err := json.Unmarshal(data, &c)
	return c, err == nil
}
