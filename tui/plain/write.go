package plain

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// write writes lines in one call, oldest first: "12:04:10  test/app  weight    20% canary".
func (p *Printer) write(c view.Canary, lines []line) error {
	if len(lines) == 0 {
		return nil
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		// Whole seconds, since API times have no more: within one second the order of causes stands.
		return a.at.Truncate(time.Second).Compare(b.at.Truncate(time.Second))
	})
	loc := p.now().Location()
	var b strings.Builder
	for _, l := range lines {
		text := strings.TrimRight(l.word+strings.Repeat(" ", max(1, 10-len(l.word)))+l.text, " ")
		if p.Color {
			text = colour(l.tone, text)
		}
		b.WriteString(l.at.In(loc).Format(time.RFC3339))
		if c.Name != "" {
			b.WriteString("  " + c.Key())
		}
		b.WriteString("  " + text + "\n")
	}
	_, err := p.W.Write([]byte(b.String()))
	return err
}

// colour wraps a line in one of the sixteen basic colours, which every log viewer knows.
func colour(t tone, text string) string {
	switch t {
	case bad:
		return "\x1b[31m" + text + "\x1b[0m"
	case good:
		return "\x1b[34m" + text + "\x1b[0m"
	case plain:
	}
	return text
}
