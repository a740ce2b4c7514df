package theme

import (
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
)

// A pen paints what the style renders, for every style of every theme.
func TestPenPaintsAsItsStyle(t *testing.T) {
	for _, name := range []Name{Auto, HighContrast, Mono} {
		th := New(name, true, false)
		for i, s := range []lipgloss.Style{
			th.Title, th.Label, th.Rule, th.Canary, th.Primary, th.Pass, th.Fail, th.Warn, th.Limit,
			th.Banner, th.Key, th.Disabled, lipgloss.NewStyle(),
		} {
			p := NewPen(s)
			if got, want := p.Paint("漢 text"), s.Render("漢 text"); got != want {
				t.Errorf("%s style %d paints %q, renders %q", name, i, got, want)
			}
			var b strings.Builder
			p.Write(&b, "漢 text")
			p.Write(&b, "")
			if b.String() != p.Paint("漢 text") {
				t.Errorf("%s style %d writes %q, paints %q", name, i, b.String(), p.Paint("漢 text"))
			}
		}
	}
}
