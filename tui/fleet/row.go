package fleet

import (
	"math"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/badge"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// longest bounds the bytes of a string that a row shows; no screen is wider.
const longest = 1024

// text is a string that is safe to draw, with its width in columns.
type text struct {
	s string
	w int
}

func clean(s string) text {
	if len(s) > longest {
		s = s[:longest] // Clean mends a rune cut in half
	}
	return safe(view.Clean(s))
}

func safe(s string) text { return text{s, ansi.StringWidth(s)} }

// plain is true where every byte is a column, whatever stands beside it.
func (t text) plain() bool { return t.w == len(t.s) }

// row is a canary with what the table draws of it, made once when it comes.
type row struct {
	// c as it came, but for its phase, which is clean.
	c view.Canary
	// full is c cleaned as a whole, made when somebody asks for it.
	full *view.Canary
	// hay is what the filter searches, made when there is a filter.
	hay string

	class           Class
	namespace, name text
	path            text // namespace/name
	phase           text
	share           text // what the canary gets: 40%, matching, copies; empty when nothing is under way
	brief           text // the same in five columns
	weight          int  // in percent; -1 where it is not a share of all traffic
	load            int  // orders the shares
	idle            bool // nothing is under way
	at              int  // the step, counted from 1; 0 for none
	step, failed    text
	failing         int // failed checks; those that could not be made count
	broken          bool
	metric          int // index of the worst metric; -1 for none
	metricName      text
	metricValue     text
	danger          float64
	next            text
	nextTime        time.Time
	odd             bool // some text may join what stands beside it when measured
}

// nobody is the theme of which only words are wanted.
var nobody theme.Theme

func newRow(c view.Canary) *row {
	c.Phase = clean(c.Phase).s
	r := &row{
		c: c, namespace: clean(c.Namespace), name: clean(c.Name),
		idle: !c.Active(),
	}
	r.path = text{r.namespace.s + "/" + r.name.s, r.namespace.w + 1 + r.name.w}
	_, word, _ := phaseOf(&r.c, &nobody)
	r.phase = safe(word)
	r.traffic()
	r.progress()
	r.worst()
	r.class = classOf(&r.c, r.failing)
	r.upcoming()
	for _, t := range []text{r.namespace, r.name, r.phase, r.metricName, r.next} {
		r.odd = r.odd || !t.plain()
	}
	return r
}

// phaseOf is the badge of the phase, unless something keeps the canary from going on, which the phase
// does not tell.
func phaseOf(c *view.Canary, th *theme.Theme) (sign, word string, style lipgloss.Style) {
	switch {
	case c.Problem != "":
		return th.Symbols.Warning, "Unreadable", th.Warn
	case stuck(c):
		return th.Symbols.Warning, "Stalled", th.Warn
	}
	return badge.Phase(c, th)
}

// stuck is true while somebody has to change something before the canary can go on. Every failed
// canary is stalled too, but that is what its phase says.
func stuck(c *view.Canary) bool {
	return c.Health == view.HealthStalled && c.Phase != "Failed" && !c.Suspended
}

// traffic fills what the canary gets now.
func (r *row) traffic() {
	weight := int(max(0, min(r.c.Weight, 100)))
	r.weight, r.load = -1, 2*weight
	switch r.c.Split() {
	case view.SplitMatch:
		r.share, r.brief = safe("matching"), safe("match")
		return
	case view.SplitMirror:
		r.share, r.brief = safe("copies"), safe("copy")
		r.load = 1 // more than nothing, less than any share
		return
	case view.SplitWeight:
	}
	if r.idle && weight == 0 {
		r.load = -1
		return
	}
	r.weight, r.share = weight, safe(strconv.Itoa(weight)+"%")
	r.brief = r.share
}

// progress fills the step and the failed checks.
func (r *row) progress() {
	c := &r.c
	checks := c.FailedChecks
	if c.Run != nil && c.Run.Outcome != "" {
		checks = c.Run.FailedChecks // the counter of the status begins anew, the record stays
	}
	r.failing = int(max(0, checks)) + int(max(0, c.ErroredChecks))
	r.broken = c.Threshold > 0 && r.failing >= int(c.Threshold)
	if r.idle && c.Phase != "Failed" {
		r.failing = 0 // of a run that is over and went well
		return
	}
	if _, at, of := c.Position(); at > 0 && of > 0 {
		r.at, r.step = at, safe(fraction(at, of))
	}
	if c.Threshold > 0 && (r.failing > 0 || !r.idle) {
		r.failed = safe(fraction(r.failing, int(c.Threshold)))
	} else if r.failing > 0 {
		r.failed = safe(short(r.failing))
	}
}

func fraction(n, of int) string { return short(n) + "/" + short(of) }

// short keeps counts in their columns.
func short(n int) string {
	switch {
	case n < 0:
		return "0"
	case n < 1000:
		return strconv.Itoa(n)
	}
	return "1k+"
}

// worst fills the metric. A healthy canary at rest has none: what its last run measured needs nobody.
func (r *row) worst() {
	r.metric, r.danger = -1, -1
	if r.idle && r.c.Phase != "Failed" {
		return
	}
	at, danger, ok := worst(r.c.Metrics)
	if !ok {
		return
	}
	m := &r.c.Metrics[at]
	r.metric, r.danger = at, danger
	r.metricName = clean(m.Name)
	r.metricValue = text{"-", 1}
	if m.Value != nil {
		r.metricValue = safe(chart.Format(*m.Value, chart.UnitOf(m.Unit)))
	}
}

// upcoming fills what happens next and when. What keeps the canary from going on, or made it fail,
// comes before; a healthy canary at rest says nothing, since it would be the same in every row.
func (r *row) upcoming() {
	c := &r.c
	r.nextTime = c.NextActionTime
	words := c.NextAction
	stalled := c.Condition("Stalled")
	switch {
	case c.Problem != "":
		words = c.Problem
	case r.class == Failed && c.Message != "":
		words = c.Message
	case stuck(c) && stalled.Message != "":
		words = stalled.Message
	case r.class == Suspended:
		words = "spec.suspend is set"
	case r.class == Healthy:
		words = ""
	}
	r.next = clean(strings.TrimSpace(words))
}

// points is the end of the worst metric's samples, for n columns of a sparkline; buf is reused.
func (r *row) points(buf []chart.Point, n int) []chart.Point {
	samples := r.c.Metrics[r.metric].Samples
	for _, s := range samples[max(0, len(samples)-n):] {
		buf = append(buf, chart.Point{Time: s.Time, Value: valueOf(s.Value)})
	}
	return buf
}

func valueOf(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// age is coarse, so that it is right for a while: 45 s are "<1m".
func age(c *view.Canary, now time.Time) string {
	d := c.Age(now)
	switch {
	case c.Created.IsZero():
		return ""
	case d < time.Minute:
		return "<1m"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d < 1000*24*time.Hour:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return strconv.Itoa(int(d/(365*24*time.Hour))) + "y"
}

// until is the time to the next action in at most six columns.
func (r *row) until(now time.Time) string {
	if r.nextTime.IsZero() {
		return ""
	}
	left := r.nextTime.Sub(now)
	if left <= 0 {
		return "due"
	}
	return cells.Span(left)
}

// matches says whether a word of a filter, in lower case, is part of the row.
func (r *row) matches(word string) bool {
	if r.hay == "" {
		c := &r.c
		// Words hold no line break, so none matches across two fields.
		parts := append([]string{
			r.path.s, r.phase.s, c.Phase, string(c.Health), c.Provider, c.Strategy,
		}, c.Images.Target...)
		parts = append(parts, c.Images.Primary...)
		r.hay = strings.ToLower(strings.Join(parts, "\n"))
	}
	return strings.Contains(r.hay, word)
}

// cut is the start of a text in at most width columns.
func (t text) cut(width int, ellipsis string) text {
	switch {
	case t.w <= width:
		return t
	case width <= 0:
		return text{}
	case t.plain():
		return text{t.s[:width-1] + ellipsis, width}
	}
	return safe(ansi.Truncate(t.s, width, ellipsis))
}

// cutLeft is the end of a text in at most width columns.
func (t text) cutLeft(width int, ellipsis string) text {
	if t.w <= width || width <= 0 {
		return t.cut(width, ellipsis)
	}
	// A wide rune may be cut at the wrong column.
	return safe(ansi.TruncateLeft(t.s, t.w-width+1, ellipsis)).cut(width, ellipsis)
}

// cutMiddle leaves the start and the end of a text, where teams put who they are and which
// environment it is.
func (t text) cutMiddle(width int, ellipsis string) text {
	if t.w <= width || width < 5 || !t.plain() {
		return t.cut(width, ellipsis)
	}
	end := (width - 1) / 2
	return text{t.s[:width-1-end] + ellipsis + t.s[len(t.s)-end:], width}
}
