package pager

import (
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// maxLines bounds what is kept; older lines are dropped, and counted.
	maxLines = 10_000
	// longestLine bounds what is kept of a line, in bytes as they come.
	longestLine = 4096
	// longestSearch bounds what is searched for, in bytes.
	longestSearch = 256
)

// Kind is what a text is, which decides how its lines are styled.
type Kind uint8

const (
	// Plain text has no styles.
	Plain Kind = iota
	// YAML is a manifest: keys are told from values.
	YAML
	// Events are one event a line: time, type, reason, object and message, two spaces between them.
	Events
	// Logs begin with the side they come from: "canary/POD CONTAINER: ".
	Logs
)

// Pager is a text and the part of it that is seen. The zero Pager is an empty plain text.
//
// A row is what one line of the screen shows: a line, or a piece of one that is wrapped.
type Pager struct {
	kind Kind
	note string

	lines []line
	// dropped lines came before the first that is kept.
	dropped int
	// longest is the width of the widest line, dropped ones included.
	longest int
	// loaded is set by the first text, be it empty.
	loaded bool

	// width and height of the text, as it was last drawn.
	width, height int
	// top is the first row that is seen, unless the end is followed.
	top    position
	left   int
	wrap   bool
	follow bool

	search search
}

// position of a row: a line, and the row within it.
type position struct{ line, row int }

// New makes an empty pager. Texts that grow at the end are followed from the beginning.
func New(kind Kind) *Pager {
	return &Pager{kind: kind, follow: kind == Events || kind == Logs}
}

// Replace takes the place of the text. The position stays, as far as there are so many lines.
func (p *Pager) Replace(lines []string) {
	at := p.dropped + p.top.line
	p.lines, p.dropped, p.longest = nil, 0, 0
	p.search.matches = nil
	p.add(lines)
	p.top.line = max(0, at-p.dropped)
	p.keepTop()
	p.search.current = p.nearest()
}

// Append adds lines at the end. What is seen stays where it is, unless the end is followed.
func (p *Pager) Append(lines []string) { p.add(lines) }

// add takes raw strings of the cluster.
func (p *Pager) add(lines []string) {
	p.loaded = true
	if over := len(lines) - maxLines; over > 0 { // Nobody will see them.
		p.drop(len(p.lines))
		p.dropped += over
		lines = lines[over:]
	}
	p.drop(len(p.lines) + len(lines) - maxLines)
	for _, raw := range lines {
		l := newLine(raw)
		p.longest = max(p.longest, l.width)
		p.lines = append(p.lines, l)
		p.search.take(l.text, p.dropped+len(p.lines)-1)
	}
}

// drop takes lines away from the front.
func (p *Pager) drop(n int) {
	if n <= 0 {
		return
	}
	clear(p.lines[:n])
	p.lines = p.lines[n:]
	p.dropped += n
	p.top.line -= n
	if p.top.line < 0 {
		p.top = position{}
	}
	p.search.drop(p.dropped)
}

// SetNote shows what is wrong with the text above it, such as a lost connection; an empty note ends
// that.
func (p *Pager) SetNote(note string) { p.note = view.Clean(note) }

// Len is the number of lines that are kept.
func (p *Pager) Len() int { return len(p.lines) }

// Dropped is the number of lines that were too many.
func (p *Pager) Dropped() int { return p.dropped }
