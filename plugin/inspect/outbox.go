package inspect

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// gap is the least time between two chunks; what comes meanwhile goes together.
	gap = 50 * time.Millisecond
	// mostLines may wait for the screen before those who read have to wait as well.
	mostLines = 10_000
)

// post is what is to be told to the screen.
type post struct {
	replace bool
	lines   []string
	// noted says that a note takes the place of the one with the same label.
	noted       bool
	label, note string
	// forget takes all notes away but those about the canary itself.
	forget bool
	// last ends everything once it has been told.
	last bool
}

// outbox joins what comes from several goroutines into chunks.
type outbox struct{ in chan post }

func newOutbox() *outbox { return &outbox{in: make(chan post)} }

// put is false when ctx has ended.
func (b *outbox) put(ctx context.Context, p post) bool {
	select {
	case b.in <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// end closes the box after what has been put.
func (b *outbox) end(ctx context.Context) { b.put(ctx, post{last: true}) }

// run hands out chunks until ctx ends or the box is closed.
func (b *outbox) run(ctx context.Context, out chan<- source.Chunk) {
	var chunk source.Chunk
	waiting, last := false, false // a chunk waits; there will be no other
	told := ""
	notes := map[string]string{}
	var rest <-chan time.Time
	for !last || waiting {
		in, ready := b.in, out
		if len(chunk.Lines) >= mostLines || last {
			in = nil
		}
		if !waiting || rest != nil {
			ready = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-rest:
			rest = nil
		case ready <- chunk:
			told, waiting = chunk.Note, false
			chunk = source.Chunk{Note: told}
			rest = time.After(gap)
		case p := <-in:
			if p.replace {
				chunk.Replace, chunk.Lines = true, nil
			}
			chunk.Lines = append(chunk.Lines, p.lines...)
			if p.forget {
				maps.DeleteFunc(notes, func(label, _ string) bool { return label != "" })
			}
			if p.noted {
				notes[p.label] = p.note
			}
			chunk.Note = join(notes)
			last = p.last
			waiting = chunk.Replace || len(chunk.Lines) > 0 || chunk.Note != told
		}
	}
}

// join puts the notes into a line, that of the canary itself first. Parts of the text for which the
// same is true share it.
func join(notes map[string]string) string {
	var out []string
	if notes[""] != "" {
		out = append(out, notes[""])
	}
	labels := map[string][]string{}
	var order []string
	for _, label := range slices.Sorted(maps.Keys(notes)) {
		note := notes[label]
		if label == "" || note == "" {
			continue
		}
		if labels[note] == nil {
			order = append(order, note)
		}
		labels[note] = append(labels[note], label)
	}
	for _, note := range order {
		out = append(out, strings.Join(labels[note], ", ")+": "+note)
	}
	return strings.Join(out, "; ")
}
