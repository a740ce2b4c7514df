package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// footer lists the keys, as many as fit. A verb that is refused now stays in its place, greyed;
// pressing it says why.
func (m *model) footer(width int) string {
	t, k := &m.theme, &m.keys
	item := func(b key.Binding, desc string, disabled bool) string {
		if disabled {
			return t.Disabled.Render(b.Help().Key + " " + desc)
		}
		return t.Key.Render(b.Help().Key) + " " + t.Label.Render(desc)
	}
	var items []string
	pause := m.pauseVerb()
	for _, v := range []struct {
		b          key.Binding
		desc, verb string
	}{
		{k.Promote, "promote", verbPromote}, {k.Step, "step", verbStep},
		{k.Abort, "abort", verbAbort}, {k.Pause, pause, pause},
	} {
		items = append(items, item(v.b, v.desc, m.refusal(v.verb) != ""))
	}
	for _, b := range []key.Binding{k.Down, k.Focus, k.Glyphs} {
		items = append(items, item(b, b.Help().Desc, false))
	}
	// Help and quit are never the ones that do not fit.
	right := item(k.Help, k.Help.Help().Desc, false) + "  " + item(k.Quit, k.Quit.Help().Desc, false)
	if width < compactWidth {
		right = t.Key.Render(k.Help.Help().Key + " " + k.Quit.Help().Key)
	}
	room := width - ansi.StringWidth(right) - 2
	var b strings.Builder
	used := 0
	for _, it := range items {
		w := ansi.StringWidth(it)
		if used+w > room {
			break
		}
		if used > 0 {
			b.WriteString("  ")
		}
		b.WriteString(it)
		used += w + 2
	}
	return cells.Spread(b.String(), right, width, t.Symbols.Ellipsis)
}
