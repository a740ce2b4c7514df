package logs

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// printer is the sink of the command: lines go to standard output, words to standard error.
type printer struct {
	*Options

	mu   sync.Mutex
	said map[string]bool
}

func (p *printer) line(c container, text string, at time.Time) error {
	if p.Terminal.Out {
		text = view.Clean(text)
	}
	prefix := ""
	if p.Prefix {
		prefix = view.Clean(c.prefix())
	}
	if p.Timestamps && !at.IsZero() {
		prefix += at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " "
	}
	_, err := io.WriteString(p.Streams.Out, prefix+text+"\n")
	return err
}

// leaveOut says each omission once.
func (p *printer) leaveOut(o Omission) error {
	line := view.Clean(fmt.Sprintf("%s left out: %s", o.Origin, o.Err))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said[line] {
		return nil
	}
	p.said[line] = true
	_, err := fmt.Fprintln(p.Streams.ErrOut, line)
	return err
}

func (p *printer) lost(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = fmt.Fprintf(p.Streams.ErrOut, "connection lost at %s, trying again: %s\n",
		p.Now().Format(time.TimeOnly), view.Clean(err.Error()))
	return err
}
