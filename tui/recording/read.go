package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// longestLine and mostBytes bound what is read of a file, which may be a bomb of zeros in gzip.
	longestLine = 32 << 20
	mostBytes   = 1 << 30
	// longest is how long a recording may be.
	longest = 366 * 24 * time.Hour
	// longestChain is how many patches may follow a whole state: a recorder writes far fewer.
	longestChain = 4096
)

// Open reads the recording in a file, gzipped or not.
func Open(path string) (*Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot replay: %w", err)
	}
	defer file.Close()
	rec, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("cannot replay %s: %w", path, err)
	}
	return rec, nil
}

// Read reads a recording, gzipped or not. Errors name the line.
func Read(from io.Reader) (*Recording, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		zip, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("cannot unpack it: %w", err)
		}
		in = bufio.NewReaderSize(zip, 1<<16)
	}
	r := &reader{in: in, names: map[string]string{}, newest: map[trackKey]state{}, rec: &Recording{}}
	if err := r.read(); err != nil {
		return nil, err
	}
	if err := r.rec.check(); err != nil {
		return nil, err
	}
	r.rec.index()
	return r.rec, nil
}

type reader struct {
	in     *bufio.Reader
	number int // of the line
	total  int // bytes so far
	names  map[string]string
	newest map[trackKey]state
	rec    *Recording
}

// state is the newest one of a canary, as an entry, and the patches that lead to it.
type state struct {
	entry   int32
	patches int
}

func (r *reader) read() error {
	for {
		data, whole, err := r.line()
		switch {
		case errors.Is(err, io.EOF) && r.number == 0:
			return errors.New("the file is empty, and so no recording")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("line %d: %w", r.number+1, err)
		}
		r.number++
		if r.number == 1 {
			err = r.header(data)
		} else if len(bytes.TrimSpace(data)) > 0 {
			err = r.entry(data)
		}
		if err != nil && r.number > 1 && !whole {
			r.rec.Truncated = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", r.number, err)
		}
	}
}

// line reads one; it is whole when a newline ended it.
func (r *reader) line() (data []byte, whole bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		r.total += len(part)
		data = append(data, part...)
		switch {
		case len(data) > longestLine:
			return nil, false, fmt.Errorf("it is longer than %d MB", longestLine>>20)
		case r.total > mostBytes:
			return nil, false, fmt.Errorf("the recording is larger than %d MB", mostBytes>>20)
		case err == nil:
			return data, true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // The latter of gzip that was cut off.
			if errors.Is(err, io.ErrUnexpectedEOF) {
				r.rec.Truncated = true
			}
			if len(data) == 0 {
				return nil, false, io.EOF
			}
			return data, false, nil
		default:
			return nil, false, err
		}
	}
}

func (r *reader) header(data []byte) error {
	var h headerLine
	if err := json.Unmarshal(data, &h); err != nil {
		return fmt.Errorf("this is no recording of kubectl canary watch: %w", err)
	}
	switch {
	case h.Kind != kindHeader:
		return fmt.Errorf("this is no recording of kubectl canary watch: its kind is %q, not %q", h.Kind, kindHeader)
	case h.APIVersion != apiVersion:
		return fmt.Errorf("the recording has the format %q, this program reads %q; use the version that wrote it (%q)",
			h.APIVersion, apiVersion, h.Program)
	case h.Started.IsZero() || h.Started.Year() < 1 || h.Started.Year() > 9000:
		return errors.New("the recording does not say when it was started")
	}
	r.rec.Header = h.cleaned()
	return nil
}

func (r *reader) entry(data []byte) error {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return r.strange(data, err)
	}
	if l.MS > longest.Milliseconds() {
		return fmt.Errorf("%d ms after the beginning is too long for a recording", l.MS)
	}
	rec := r.rec
	if time.Duration(max(0, l.MS))*time.Millisecond > rec.length {
		rec.length = time.Duration(l.MS) * time.Millisecond
	}
	if !known(l) {
		rec.Skipped++
		return nil
	}
	if len(rec.entries) == math.MaxInt32 {
		return errors.New("the recording has too many lines")
	}
	e := entry{
		at: rec.length, number: r.number, base: -1,
		from: r.name(l.From), kind: r.name(l.Kind), namespace: r.name(l.Namespace), name: r.name(l.Name),
	}
	key := trackKey{e.from, e.namespace, e.name}
	switch l.Kind {
	case kindCanary:
		if err := r.state(&e, l, key); err != nil {
			return err
		}
	case kindGone:
		delete(r.newest, key)
	case kindAction:
		rec.actions = append(rec.actions, actionOf(l, rec.Header.Started.Add(e.at)))
		return nil
	default:
		e.data = bytes.Clone(data)
	}
	rec.entries = append(rec.entries, e)
	return nil
}

// strange passes over what a later version wrote in another form.
func (r *reader) strange(data []byte, cause error) error {
	var l struct {
		Kind string `json:"kind"`
	}
	if json.Unmarshal(data, &l) == nil && l.Kind != "" && !known(line{Kind: l.Kind, From: fromFleet}) {
		r.rec.Skipped++
		return nil
	}
	return cause
}

func known(l line) bool {
	switch l.Kind {
	case kindAction:
		return true
	case kindCanary, kindGone, kindStale, kindFresh, kindSynced, kindFailed, kindAlive, kindLive, kindOpened, kindClosed:
		return l.From == fromFleet || l.From == fromDetail || l.From == fromLive
	}
	return false
}

// state takes in the state of a canary, whole or as a patch.
func (r *reader) state(e *entry, l line, key trackKey) error {
	base, ok := r.newest[key]
	now := state{entry: int32(len(r.rec.entries))}
	switch {
	case l.View != nil:
		e.data = l.View
	case l.Patch == nil:
		return errors.New("the canary has neither a view nor a patch")
	case !ok:
		return fmt.Errorf("the patch of canary %s has nothing before it", view.Clean(e.namespace+"/"+e.name))
	case base.patches >= longestChain:
		return fmt.Errorf("canary %s has more than %d patches without a whole state", view.Clean(e.namespace+"/"+e.name), longestChain)
	default:
		e.base, e.data = base.entry, l.Patch
		now.patches = base.patches + 1
	}
	r.newest[key] = now
	return nil
}

// name keeps one copy of the few texts that stand in every line.
func (r *reader) name(s string) string {
	if have, ok := r.names[s]; ok {
		return have
	}
	r.names[s] = s
	return s
}

func actionOf(l line, at time.Time) Action {
	a := Action{
		Time: at, Namespace: view.Clean(l.Namespace), Name: view.Clean(l.Name),
		Verb: view.Clean(l.Verb), Accepted: l.Accepted, Message: view.Clean(l.Message),
	}
	if l.Error != "" {
		a.Err = errors.New(view.Clean(l.Error))
	}
	return a
}
