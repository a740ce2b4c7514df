package chart

import (
	"math"
	"strings"

	"charm.land/lipgloss/v2"
)

// Sparkline draws the canary's values in one line of exactly width columns, newest right, with the
// newest value at the end; in the narrowest places only that value.
func Sparkline(d Data, width int, o Options) string {
	if width <= 0 {
		return ""
	}
	points := sorted(d.Canary)
	newest := math.NaN()
	if len(points) > 0 {
		newest = points[len(points)-1].Value
	}
	style := o.Styles.Canary
	if d.outside(newest) {
		style = o.Styles.Fail
	}
	number := formatNarrow(newest, o.Unit)
	if len(number) > width {
		// A cut number would be a wrong number.
		return newPen(style).paint(strings.Repeat("#", width))
	}
	if width < minSpark || width-len(number)-1 < 3 {
		return newPen(style).paint(number) + strings.Repeat(" ", width-len(number))
	}
	return bars(d, points, width-len(number)-1, o) + " " + newPen(style).paint(number)
}

// Bars draws the canary's values in one line of exactly width columns, newest right, without a
// number.
func Bars(d Data, width int, o Options) string {
	if width <= 0 {
		return ""
	}
	return bars(d, sorted(d.Canary), width, o)
}

func bars(d Data, points []Point, width int, o Options) string {
	g := o.Glyphs.set()
	if len(points) > width {
		points = points[len(points)-width:]
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			v := clamp(p.Value, -largest, largest)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	// With the limits in the scale, a value that is far from them looks far from them.
	for _, limit := range []*float64{d.Min, d.Max} {
		if limit != nil && !math.IsNaN(*limit) {
			v := clamp(*limit, -largest, largest)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	var b, run strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(points)))
	flush := func(failed bool) {
		style := o.Styles.Canary
		if failed {
			style = o.Styles.Fail
		}
		b.WriteString(newPen(style).paint(run.String()))
		run.Reset()
	}
	failing := false
	for _, p := range points {
		if out := d.outside(p.Value); out != failing {
			flush(failing)
			failing = out
		}
		run.WriteRune(bar(g, p.Value, lo, hi))
	}
	flush(failing)
	return b.String()
}

// bar is the height of a value between the lowest and the highest; a flat series is half high.
func bar(g glyphSet, v, lo, hi float64) rune {
	top := len(g.spark) - 1
	switch {
	case math.IsNaN(v):
		return ' '
	case math.IsInf(v, 1):
		return g.spark[top]
	case math.IsInf(v, -1):
		return g.spark[0]
	case hi-lo < 1e-290 || hi-lo <= 1e-9*max(math.Abs(lo), math.Abs(hi)):
		return g.spark[top/2]
	}
	f := (clamp(v, -largest, largest) - lo) / (hi - lo)
	return g.spark[clamp(int(math.Round(f*float64(top))), 0, top)]
}

// outside reports whether a value breaks a limit; no data breaks none.
func (d Data) outside(v float64) bool {
	return (d.Min != nil && v < *d.Min) || (d.Max != nil && v > *d.Max)
}

// formatNarrow is Format with a dash for no data.
func formatNarrow(v float64, u Unit) string {
	if math.IsNaN(v) {
		return "-"
	}
	return Format(v, u)
}

// Legend explains the glyphs in one line: canary, primary and limit, each only when it is drawn.
func Legend(d Data, o Options) string {
	canary, primary, limit := o.Glyphs.Legend()
	parts := []string{legend(o.Styles.Canary, canary, "canary")}
	if len(d.Primary) > 0 {
		parts = append(parts, legend(o.Styles.Primary, primary, "primary"))
	}
	if len(d.Live) > 0 {
		parts = append(parts, legend(o.Styles.Canary, o.Glyphs.live(), "live"))
	}
	if d.Min != nil || d.Max != nil {
		parts = append(parts, legend(o.Styles.Limit, limit, "limit"))
	}
	return strings.Join(parts, "  ")
}

func legend(s lipgloss.Style, sample, name string) string {
	return newPen(s).paint(sample + " " + name)
}
