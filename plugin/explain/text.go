package explain

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// write prints an explanation for people, at most width characters wide. Commands are never broken,
// so that they can be copied.
func write(w io.Writer, e Explanation, now time.Time, width int) error {
	p := &page{width: max(width, 20)}
	p.wrap("", "", e.Summary)
	if len(e.Because) > 0 {
		p.title("Why")
		for _, sentence := range e.Because {
			p.wrap("  - ", "    ", sentence)
		}
	}
	if e.Awaiting != "" || e.Next != "" {
		p.title("What comes")
	}
	if e.Awaiting != "" {
		p.wrap("  - ", "    ", "Awaited: "+e.Awaiting+".")
	}
	if e.Next != "" {
		p.wrap("  - ", "    ", "Next: "+e.Next+when(e.NextTime, now)+".")
	}
	if len(e.Actions) > 0 {
		p.title("What you can do")
		for _, a := range e.Actions {
			if a.Command == "" {
				p.wrap("  - ", "    ", a.Effect)
				continue
			}
			p.line("  " + view.Clean(a.Command))
			p.wrap("      ", "      ", a.Effect)
		}
	}
	if len(e.Unavailable) > 0 {
		p.title("What would be refused now")
		for _, r := range refusals(e.Unavailable) {
			p.wrap("  - ", "    ", r)
		}
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// refusals joins the verbs that are refused for the same reason.
func refusals(all []Unavailable) []string {
	verbs := map[string][]string{}
	var order []string
	for _, u := range all {
		if verbs[u.Reason] == nil {
			order = append(order, u.Reason)
		}
		verbs[u.Reason] = append(verbs[u.Reason], u.Verb)
	}
	out := make([]string, 0, len(order))
	for _, reason := range order {
		out = append(out, strings.Join(verbs[reason], ", ")+": "+reason)
	}
	return out
}

func when(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if left := t.Sub(now); left > 0 {
		return fmt.Sprintf(" (in %s)", duration.HumanDuration(left))
	}
	return " (due)"
}

type page struct {
	b     strings.Builder
	width int
}

func (p *page) line(s string) { p.b.WriteString(s + "\n") }

func (p *page) title(s string) { p.line("\n" + s + ":") }

// wrap breaks text between words.
func (p *page) wrap(first, indent, text string) {
	line := first
	empty := true
	for word := range strings.FieldsSeq(view.Clean(text)) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > p.width {
			p.line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line(line)
}
