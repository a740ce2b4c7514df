package fleet

import (
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// empty fills a panel without rows with the reason, a third of the way down.
func (p *painter) empty(lines []string, height int) []string {
	first, second := p.reason()
	width := p.width - 2*leadWidth
	var text []string
	for _, x := range cells.Wrap(first, width, 3, p.th.Symbols.Ellipsis) {
		text = append(text, p.pens.title.Paint(x))
	}
	for _, x := range cells.Wrap(second, width, 3, p.th.Symbols.Ellipsis) {
		text = append(text, p.pens.label.Paint(x))
	}
	from := len(lines) + max(0, height-len(lines)-len(text))/3
	for len(lines) < height {
		line := ""
		if i := len(lines) - from; i >= 0 && i < len(text) {
			line = "  " + text[i]
		}
		lines = append(lines, cells.Fit(line, p.width, p.th.Symbols.Ellipsis))
	}
	return lines
}

// reason says why there is nothing to see, and what can be done about it.
func (p *painter) reason() (first, second string) {
	t := p.t
	where := ""
	if t.Scope != "" {
		where = " in " + t.Scope
	}
	switch {
	case len(t.rows) > 0:
		n := "all " + thousands(len(t.rows)) + " canaries are hidden"
		if len(t.rows) == 1 {
			n = "the only canary is hidden"
		}
		return "Nothing matches the filter " + view.Clean(t.filter), n + "; every word of a filter must match, and none that begins with !"
	case !t.synced:
		return "Loading" + p.th.Symbols.Ellipsis, "waiting for the first answer of the API server"
	}
	return "No canaries" + where, "create one for a deployment with: kubectl canary create deployment/NAME"
}
