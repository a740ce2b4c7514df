package recording

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Span is the beginning and the end of the recording.
func (p *Player) Span() (from, to time.Time) { return p.Recording().Start(), p.Recording().End() }

// Last is the last state of a canary in the recording; ok is false when it has none.
func (p *Player) Last(namespace, name string) (c view.Canary, ok bool) {
	for _, u := range p.Recording().Detail(p.Recording().End(), namespace, name) {
		if u, is := u.(source.Canary); is {
			c, ok = u.View, true
		}
	}
	return c, ok
}
