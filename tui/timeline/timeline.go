package timeline

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// Narrowest is the least width that has room for both lines. Below it there is one, without a bar.
const Narrowest = 20

// Kind says what a mark stands for. Where several fall into one column the later kind is seen.
type Kind int

const (
	// MarkOther is anything that happened.
	MarkOther Kind = iota
	// MarkWeight is a change of the weight.
	MarkWeight
	// MarkAction is an operator verb, or a gate.
	MarkAction
	// MarkFailed is a failed check.
	MarkFailed
	// MarkPromotion is the promotion.
	MarkPromotion
	// MarkRolledBack is a rollback, or another end of a run that was not wanted.
	MarkRolledBack
)

// Mark is something that happened.
type Mark struct {
	Time time.Time
	Kind Kind
	// Text says what, in a few words; of the mark last passed it is shown. It must be clean.
	Text string
}

// Bar is the state of a replay. Times outside of From and To are drawn at the ends; the time of day is
// that of At's location.
type Bar struct {
	From, To, At time.Time
	// Marks in any order.
	Marks   []Mark
	Playing bool
	// Speed is how much faster than life it plays; 0 is taken for 1.
	Speed float64
}

// Lines draws the bar in lines of exactly width columns: words, and, from [Narrowest] on, the bar
// below them. There are none without a width.
func (b Bar) Lines(width int, th *theme.Theme) []string {
	if width <= 0 {
		return nil
	}
	if width < Narrowest {
		return []string{b.head(width, th)}
	}
	return []string{b.head(width, th), b.track(width, th)}
}

// TimeAt is the time under column x, from 0, of a bar of a width. It is not ok beside the bar, or
// where there is none.
func (b Bar) TimeAt(x, width int) (t time.Time, ok bool) {
	if width < Narrowest || x < 0 || x >= width || !b.From.Before(b.To) {
		return time.Time{}, false
	}
	if x == width-1 {
		return b.To, true
	}
	return b.From.Add(time.Duration(float64(b.To.Sub(b.From)) * float64(x) / float64(width-1))), true
}

// column is where a time is drawn.
func (b Bar) column(t time.Time, width int) int {
	switch {
	case !b.From.Before(b.To) || !t.After(b.From):
		return 0
	case !t.Before(b.To):
		return width - 1
	}
	share := float64(t.Sub(b.From)) / float64(b.To.Sub(b.From))
	return min(max(0, int(share*float64(width-1)+0.5)), width-1)
}

// head says in words whether it plays, how fast, where it is, and what happened last. What does not
// fit is left out, the position last.
func (b Bar) head(width int, th *theme.Theme) string {
	s := &th.Symbols
	sign, word, style := s.Waiting, "paused", th.Warn
	if b.Playing {
		sign, word, style = s.Skipped, "playing", th.Pass
	}
	at := b.At
	if at.After(b.To) {
		at = b.To
	}
	position := cells.Span(max(0, at.Sub(b.From)))
	whole := position + " of " + cells.Span(b.To.Sub(b.From))
	clock := ""
	if !at.IsZero() {
		clock = "  " + at.Format(time.TimeOnly)
	}
	for _, left := range []struct{ word, rest string }{
		{word + b.speed(s.Times), "  " + whole + clock},
		{word + b.speed(s.Times), "  " + whole},
		{word, "  " + whole},
		{word, "  " + position},
		{"", position},
	} {
		text := style.Render(strings.TrimSpace(sign+" "+left.word)) + left.rest
		if left.word == "" {
			text = style.Render(sign) + " " + left.rest
		}
		if w := lipgloss.Width(text); w <= width {
			return text + b.last(width-w, th)
		}
	}
	return cells.Fit(style.Render(sign), width, s.Ellipsis)
}

// speed is empty at that of life.
func (b Bar) speed(times string) string {
	if b.Speed == 0 || b.Speed == 1 {
		return ""
	}
	return " " + strconv.FormatFloat(b.Speed, 'g', 3, 64) + times
}

// leastText is the room that the words of a mark need to be worth it.
const leastText = 12

// last fills the rest of a line with the words of the mark that was passed last, at its end.
func (b Bar) last(room int, th *theme.Theme) string {
	var last *Mark
	for i := range b.Marks {
		m := &b.Marks[i]
		if m.Text == "" || m.Time.After(b.At) {
			continue
		}
		if last == nil || m.Time.After(last.Time) || m.Time.Equal(last.Time) && m.Kind > last.Kind {
			last = m
		}
	}
	if last == nil || room < leastText {
		return strings.Repeat(" ", max(0, room))
	}
	sign, style := last.Kind.sign(th)
	text := cells.Cut(style.Render(sign)+" "+last.Text, room-2, th.Symbols.Ellipsis)
	return cells.PadLeft(text, room)
}

// sign is how a kind of mark is drawn: each has a sign of its own, for those who see no colour.
func (k Kind) sign(th *theme.Theme) (sign string, style lipgloss.Style) {
	s := &th.Symbols
	switch k {
	case MarkWeight:
		return s.Side, th.Canary
	case MarkAction:
		return s.Warning, th.Warn
	case MarkFailed:
		return s.Failed, th.Fail
	case MarkPromotion:
		return s.Promoting, th.Pass
	case MarkRolledBack:
		return s.RolledBack, th.Fail
	default:
		return s.Pending, th.Label
	}
}

// track draws the bar: what has been played is heavier than what is to come, the position stands
// over any mark.
func (b Bar) track(width int, th *theme.Theme) string {
	s := &th.Symbols
	here := b.column(b.At, width)
	marks := make([]Kind, width)
	for i := range marks {
		marks[i] = -1
	}
	for _, m := range b.Marks {
		x := b.column(m.Time, width)
		marks[x] = max(marks[x], m.Kind)
	}
	var out, run strings.Builder
	var style lipgloss.Style
	flush := func() {
		if run.Len() > 0 {
			out.WriteString(style.Render(run.String()))
			run.Reset()
		}
	}
	plain := -1 // which of the two styles the run has
	for x := range width {
		switch {
		case x == here:
			flush()
			out.WriteString(th.Title.Render(s.Active))
			plain = -1
		case marks[x] >= 0:
			flush()
			sign, of := marks[x].sign(th)
			out.WriteString(of.Render(sign))
			plain = -1
		case x < here:
			if plain != 0 {
				flush()
				plain, style = 0, th.Canary
			}
			run.WriteString(s.HoldFull)
		default:
			if plain != 1 {
				flush()
				plain, style = 1, th.Rule
			}
			run.WriteString(s.HoldEmpty)
		}
	}
	flush()
	return out.String()
}

// Next is the first mark after the position, and ok is false when there is none.
func (b Bar) Next() (m Mark, ok bool) {
	for _, m := range b.sorted() {
		if m.Time.After(b.At) {
			return m, true
		}
	}
	return Mark{}, false
}

// Previous is the last mark before the position, and ok is false when there is none.
func (b Bar) Previous() (m Mark, ok bool) {
	for _, m := range slices.Backward(b.sorted()) {
		if m.Time.Before(b.At) {
			return m, true
		}
	}
	return Mark{}, false
}

func (b Bar) sorted() []Mark {
	return slices.SortedStableFunc(slices.Values(b.Marks), func(x, y Mark) int { return x.Time.Compare(y.Time) })
}
