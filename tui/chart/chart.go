package chart

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// Point is one measured value. NaN is a gap: there was no data.
type Point struct {
	Time  time.Time
	Value float64
}

// MarkKind says what happened at the time of a mark.
type MarkKind int

const (
	// MarkWeight means: the weight of the canary changed; the weight is written on the time axis.
	MarkWeight MarkKind = iota
	// MarkFailed means: a check failed; a cross is drawn on the canary's line.
	MarkFailed
	// MarkNoData means: a check found no data; a question mark is drawn on the time axis.
	MarkNoData
)

// Mark is something that happened at a moment of the run.
type Mark struct {
	Time time.Time
	Kind MarkKind
	// Weight in percent, for MarkWeight.
	Weight int
}

// Data is what is drawn. The slices are read, never changed; points need not be sorted.
type Data struct {
	Canary  []Point
	Primary []Point
	// Live are values of the canary from between its checks; they are drawn as single dots.
	Live []Point
	// Min and Max are the limits of a passing value; nil is no limit.
	Min, Max *float64
	Marks    []Mark
}

// Styles colour the parts of a chart. The zero value draws without any escape sequence.
type Styles struct {
	Canary, Primary, Limit, Axis, Fail lipgloss.Style
	// Label is for the numbers at the axes.
	Label lipgloss.Style
}

// pen is a style as the text before and after what it paints. Rendering through lipgloss once for
// each style, rather than for each run of cells, makes a chart several times cheaper.
type pen struct{ open, close string }

func newPen(s lipgloss.Style) pen {
	open, end, ok := strings.Cut(s.Render("x"), "x")
	if !ok {
		return pen{}
	}
	return pen{open, end}
}

func (p pen) paint(text string) string {
	if text == "" || p.open == "" {
		return text
	}
	return p.open + text + p.close
}

// pens are the styles, indexed by layer; the axis takes the place of the empty layer, and the labels
// come after all layers.
type pens [layerFail + 2]pen

const penLabel = int(layerFail) + 1

func (s Styles) pens() pens {
	return pens{
		layerNone: newPen(s.Axis), layerLimit: newPen(s.Limit), layerPrimary: newPen(s.Primary),
		layerCanary: newPen(s.Canary), layerFail: newPen(s.Fail), penLabel: newPen(s.Label),
	}
}

// Options say how to draw. The zero value draws braille without colour, over the time of the data.
type Options struct {
	Glyphs Glyphs
	Unit   Unit
	Styles Styles
	// From and To bound the time axis; zero takes the first and last point.
	From, To time.Time
	// Gutter is the least room for the labels of the value axis; charts below each other that share
	// the widest [Gutter] have their times in line.
	Gutter int
	// Origin is the time the labels of the time axis count from. Zero counts back from To.
	Origin time.Time
}

const (
	minPlotCols = 10 // columns of the plot, without the value axis
	minRows     = 4  // two rows of plot, the axis, its labels
	minSpark    = 10 // columns below which only the number is written
)

// Render draws d in width columns and height rows.
func Render(d Data, width, height int, o Options) string {
	if width <= 0 || height <= 0 {
		return ""
	}
	d.Canary, d.Primary = sorted(d.Canary), sorted(d.Primary)
	if height >= minRows {
		if s, ok := plot(d, width, height, o); ok {
			return s
		}
	}
	lines := make([]string, height)
	lines[0] = Sparkline(d, width, o)
	for i := 1; i < height; i++ {
		lines[i] = strings.Repeat(" ", width)
	}
	return strings.Join(lines, "\n")
}

// plot draws the full chart; ok is false when the width has no room for one.
func plot(d Data, width, height int, o Options) (s string, ok bool) {
	g := o.Glyphs.set()
	rows := height - 2
	ax := newValueAxis(d, rows, o.Unit)
	labels := ax.labels(d, rows, g)
	gutter := clamp(o.Gutter, widest(labels), max(widest(labels), width))
	cols := width - gutter - 1
	if cols < minPlotCols {
		return "", false
	}

	from, to := timeRange(d, o)
	c := newCanvas(cols, rows, g)
	x := func(t time.Time) float64 { return fraction(t, from, to) * float64(c.w-1) }
	y := func(v float64) float64 { return ax.fraction(v) * float64(c.h-1) }

	for _, limit := range []*float64{d.Min, d.Max} {
		if limit != nil && ax.has(*limit) {
			c.rule(rowOf(ax, *limit, rows))
		}
	}
	segments(d.Primary, from, to, func(a, b Point) {
		c.dots(x(a.Time), y(a.Value), x(b.Time), y(b.Value))
	})
	segments(d.Canary, from, to, func(a, b Point) {
		c.line(x(a.Time), y(a.Value), x(b.Time), y(b.Value))
	})
	for _, p := range d.Live {
		if !math.IsNaN(p.Value) && !p.Time.Before(from) && !p.Time.After(to) {
			c.line(x(p.Time), y(p.Value), x(p.Time), y(p.Value))
		}
	}
	for _, m := range d.Marks {
		if m.Kind != MarkFailed || m.Time.Before(from) || m.Time.After(to) {
			continue
		}
		if v, found := valueAt(d.Canary, m.Time); found {
			c.cross(x(m.Time), y(v))
		}
	}

	p := o.Styles.pens()
	var b strings.Builder
	for row := range rows {
		writeLabel(&b, labels[row], gutter, g, p)
		c.writeRow(&b, row, p)
		b.WriteByte('\n')
	}
	writeTimeAxis(&b, d, gutter, cols, from, to, g, o.Origin, p)
	return b.String(), true
}

// Gutter is the room that the labels of the value axis take in a chart of this height.
func Gutter(d Data, height int, o Options) int {
	if height < minRows {
		return 0
	}
	rows := height - 2
	return widest(newValueAxis(d, rows, o.Unit).labels(d, rows, o.Glyphs.set()))
}

func widest(labels []label) int {
	w := 0
	for _, l := range labels {
		w = max(w, l.width)
	}
	return w
}

// segments calls draw for every pair of neighbouring points that both have a value, and with the
// same point twice for one that has no neighbour, so that a lone value is still seen.
func segments(points []Point, from, to time.Time, draw func(a, b Point)) {
	joined := false
	for i, p := range points {
		if math.IsNaN(p.Value) || p.Time.Before(from) || p.Time.After(to) {
			joined = false
			continue
		}
		hasNext := i+1 < len(points) && !math.IsNaN(points[i+1].Value) && !points[i+1].Time.After(to)
		switch {
		case hasNext:
			draw(p, points[i+1])
		case !joined:
			draw(p, p)
		}
		joined = true
	}
}

// valueAt is the value of the last point that is not after t; found is false in a gap.
func valueAt(points []Point, t time.Time) (v float64, found bool) {
	i, exact := slices.BinarySearchFunc(points, t, func(p Point, t time.Time) int { return p.Time.Compare(t) })
	if !exact {
		i--
	}
	if i < 0 || math.IsNaN(points[i].Value) {
		return 0, false
	}
	return points[i].Value, true
}

func sorted(points []Point) []Point {
	byTime := func(a, b Point) int { return a.Time.Compare(b.Time) }
	if slices.IsSortedFunc(points, byTime) {
		return points
	}
	points = slices.Clone(points)
	slices.SortStableFunc(points, byTime)
	return points
}

// timeRange is the span of the time axis, never empty and never backwards.
func timeRange(d Data, o Options) (from, to time.Time) {
	from, to = o.From, o.To
	for _, points := range [][]Point{d.Canary, d.Primary} {
		if len(points) == 0 {
			continue
		}
		if first := points[0].Time; o.From.IsZero() && (from.IsZero() || first.Before(from)) {
			from = first
		}
		if last := points[len(points)-1].Time; o.To.IsZero() && last.After(to) {
			to = last
		}
	}
	if from.IsZero() {
		from = to
	}
	if !to.After(from) {
		to = from.Add(time.Second)
	}
	return from, to
}

// fraction is where t lies between from and to, 0 to 1.
func fraction(t, from, to time.Time) float64 {
	f := float64(t.Sub(from)) / float64(to.Sub(from))
	return clamp(f, 0, 1)
}

func clamp[T cmp.Ordered](v, lo, hi T) T { return max(lo, min(v, hi)) }
