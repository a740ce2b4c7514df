package recording

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// flushAfter is how long a line waits for others at most.
	flushAfter = time.Second
	// mostPending bounds the memory for lines that a disk which hangs does not take.
	mostPending = 64 << 20
)

// Recorder writes a recording. It is safe for concurrent use, and it never waits for the disk:
// lines are gathered and written once a second by a goroutine of their own.
//
// The first error stays: after it nothing is written any more, and Err and Close return it. Whoever
// is being recorded does not notice.
type Recorder struct {
	started time.Time

	mu      sync.Mutex // guards all below
	encoder encoder
	pending []byte
	timer   bool // a flush is due
	closed  bool
	err     error

	writing sync.Mutex // guards the writers; taken before mu, never while holding it
	out     io.Writer
	zip     *gzip.Writer // around out, or nil
	file    io.Closer    // below out, or nil
}

// New records to w, which it neither flushes nor closes. Header.Started is now unless it is set.
func New(w io.Writer, h Header) *Recorder { return newRecorder(w, nil, nil, h) }

// Create makes the file and records to it, gzipped if the name ends in .gz. Nobody but its owner may
// read it. An existing file is refused, with an error that is [fs.ErrExist], unless overwrite is set.
func Create(path string, overwrite bool, h Header) (*Recorder, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot record to %s: %w; choose another name, or allow that it is overwritten", path, fs.ErrExist)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot record: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
		if err := file.Chmod(0o600); err != nil { // It was there before, and open to others.
			file.Close()
			return nil, fmt.Errorf("cannot record to %s: it stays readable to others: %w", path, err)
		}
	}
	if strings.HasSuffix(path, ".gz") {
		zip := gzip.NewWriter(file)
		return newRecorder(zip, zip, file, h), nil
	}
	return newRecorder(file, nil, file, h), nil
}

func newRecorder(out io.Writer, zip *gzip.Writer, file io.Closer, h Header) *Recorder {
	if h.Started = writable(h.Started); h.Started.IsZero() {
		h.Started = time.Now()
	}
	h.Started = h.Started.UTC()
	r := &Recorder{started: h.Started.Round(0), out: out, zip: zip, file: file}
	r.encoder.tracks = map[trackKey]*written{}
	r.encoder.alive = map[channel]int64{}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.append(headerLine{APIVersion: apiVersion, Kind: kindHeader, Header: h})
	return r
}

// Action records an operator verb with its answer.
func (r *Recorder) Action(a Action) {
	r.note(func(ms int64) {
		r.append(line{
			MS: ms, Kind: kindAction, Namespace: a.Namespace, Name: a.Name, Verb: a.Verb,
			Accepted: a.Accepted, Message: a.Message, Error: textOf(a.Err),
		})
	})
}

// Err is what has gone wrong, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close writes what is left and closes the file. What is recorded later is lost. It returns the
// first error of the recording; closing again does nothing else.
func (r *Recorder) Close() error {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if !closed {
		r.flush()
		r.writing.Lock()
		defer r.writing.Unlock()
		if r.zip != nil {
			r.fail(r.zip.Close())
		}
		if r.file != nil {
			r.fail(r.file.Close())
		}
	}
	return r.Err()
}

// update records what came through a channel.
func (r *Recorder) update(from channel, u source.Update) {
	r.note(func(ms int64) {
		l, ok, err := r.encoder.encode(from, u, ms)
		if err != nil {
			r.err = fmt.Errorf("recording: %w", err)
		} else if ok {
			r.append(l)
		}
	})
}

// mark records the beginning or the end of a channel.
func (r *Recorder) mark(from channel, kind string) {
	r.note(func(ms int64) { r.append(from.line(ms, kind)) })
}

// note calls write, unless the recording is over, with the lock and the time.
func (r *Recorder) note(write func(ms int64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.err != nil {
		return
	}
	// By the wall clock, as are the times within the states: the other one stands still while a
	// laptop sleeps. It may have been set back, though.
	ms := time.Now().Round(0).Sub(r.started).Milliseconds()
	r.encoder.last = max(r.encoder.last, ms)
	write(r.encoder.last)
}

// append gathers a line. The caller holds mu.
func (r *Recorder) append(l any) {
	data, err := marshal(l)
	if err != nil {
		r.err = fmt.Errorf("recording: %w", err)
		return
	}
	if len(r.pending)+len(data) > mostPending {
		r.err = fmt.Errorf("recording: the disk has not taken the last %d MB in time", len(r.pending)>>20)
		r.pending = nil
		return
	}
	r.pending = append(append(r.pending, data...), '\n')
	if !r.timer && !r.closed {
		r.timer = true
		time.AfterFunc(flushAfter, r.flush)
	}
}

// flush writes what has been gathered. Only it, and Close, wait for the disk.
func (r *Recorder) flush() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	data := r.pending
	r.pending, r.timer = nil, false
	r.mu.Unlock()
	if len(data) == 0 {
		return
	}
	_, err := r.out.Write(data)
	if err == nil && r.zip != nil {
		err = r.zip.Flush()
	}
	r.fail(err)
}

// fail keeps the first error.
func (r *Recorder) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = fmt.Errorf("recording: %w", err)
	}
	r.pending = nil
}
