package chart

import (
	"math"
	"strconv"
)

// Unit of the values, for labels.
type Unit int

const (
	// UnitNone writes plain numbers.
	UnitNone Unit = iota
	// UnitPercent writes a per cent sign; the axis ends at 0 and 100 unless values lie beyond.
	UnitPercent
	// UnitMilliseconds writes ms, and s from one second on.
	UnitMilliseconds
)

// UnitOf is the unit that a view names "percent" or "milliseconds"; any other is none.
func UnitOf(name string) Unit {
	switch name {
	case "percent":
		return UnitPercent
	case "milliseconds":
		return UnitMilliseconds
	}
	return UnitNone
}

// largest keeps the arithmetic of the axis away from overflow; what lies beyond sticks to the edge.
const largest = 1e300

// valueAxis maps values to rows. lo < hi always.
type valueAxis struct {
	lo, hi, step float64
	unit         Unit
}

// newValueAxis chooses round bounds that hold all finite values and the limits.
func newValueAxis(d Data, rows int, unit Unit) valueAxis {
	lo, hi := math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			v = clamp(v, -largest, largest)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for _, points := range [][]Point{d.Canary, d.Primary, d.Live} {
		for _, p := range points {
			take(p.Value)
		}
	}
	for _, limit := range []*float64{d.Min, d.Max} {
		if limit != nil {
			take(*limit)
		}
	}
	if lo > hi { // nothing finite at all
		lo, hi = 0, 1
	}
	inPercent := unit == UnitPercent && lo >= 0 && hi <= 100
	positive := lo >= 0

	// A flat line, or one whose differences drown in rounding, gets room above and below.
	if least := max(math.Abs(lo), math.Abs(hi)) * 1e-9; hi-lo <= least || hi-lo < 1e-290 {
		pad := math.Abs(lo) * 0.1
		if pad < 1e-290 {
			pad = 1
		}
		lo, hi = lo-pad, hi+pad
	} else {
		pad := (hi - lo) * 0.08
		lo, hi = lo-pad, hi+pad
	}
	if positive {
		lo = max(lo, 0)
	}
	if inPercent {
		hi = min(hi, 100)
	}
	step := niceStep((hi - lo) / float64(clamp(rows/2, 1, 8)))
	return valueAxis{lo: lo, hi: hi, step: step, unit: unit}
}

// niceStep is the next of 1, 2, 5 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	if power == 0 || math.IsNaN(power) || math.IsInf(power, 0) {
		return raw
	}
	for _, f := range []float64{1, 2, 5} {
		if raw <= f*power*1.0000001 {
			return f * power
		}
	}
	return 10 * power
}

func (a valueAxis) has(v float64) bool { return v >= a.lo && v <= a.hi }

// fraction is where v lies from the top, 0 to 1. Infinities stick to the edges.
func (a valueAxis) fraction(v float64) float64 {
	switch {
	case v >= a.hi:
		return 0
	case v <= a.lo:
		return 1
	}
	return clamp((a.hi-v)/(a.hi-a.lo), 0, 1)
}

func rowOf(a valueAxis, v float64, rows int) int {
	return clamp(int(math.Round(a.fraction(v)*float64(rows-1))), 0, rows-1)
}

// label is what stands left of one row.
type label struct {
	text  string
	width int
	limit bool
}

// labels chooses the rows that get a number: limits first, since they are what one looks for, then
// round values wherever they do not crowd a neighbour.
func (a valueAxis) labels(d Data, rows int, g glyphSet) []label {
	labels := make([]label, rows)
	set := func(row int, text string, limit bool) {
		labels[row] = label{text: text, width: len([]rune(text)), limit: limit}
	}
	if d.Max != nil && a.has(*d.Max) {
		set(rowOf(a, *d.Max, rows), g.atMost+formatTick(*d.Max, 0, a.unit), true)
	}
	if d.Min != nil && a.has(*d.Min) {
		set(rowOf(a, *d.Min, rows), g.atLeast+formatTick(*d.Min, 0, a.unit), true)
	}
	first := math.Ceil(a.lo / a.step)
	for i := range 24 { // more ticks than that cannot follow from the choice of step
		v := (first + float64(i)) * a.step
		if v > a.hi || math.IsInf(v, 0) {
			break
		}
		row := rowOf(a, v, rows)
		free := labels[row].text == "" &&
			(row == 0 || labels[row-1].text == "") &&
			(row == rows-1 || labels[row+1].text == "")
		if free {
			set(row, formatTick(v, a.step, a.unit), false)
		}
	}
	return labels
}

// formatTick writes v as short as its distance to the next tick allows; step 0 is "as it is".
func formatTick(v, step float64, u Unit) string {
	suffix := ""
	switch u {
	case UnitPercent:
		suffix = "%"
	case UnitMilliseconds:
		suffix = "ms"
		if max(math.Abs(v), step) >= 1000 {
			v, step, suffix = v/1000, step/1000, "s"
		}
	case UnitNone:
	}
	return shortNumber(v, step) + suffix
}

// Format writes a value to be read on its own, with its unit.
func Format(v float64, u Unit) string {
	switch {
	case math.IsNaN(v):
		return "no data"
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	suffix := ""
	switch u {
	case UnitPercent:
		suffix = "%"
	case UnitMilliseconds:
		suffix = "ms"
		if math.Abs(v) >= 1000 {
			v, suffix = v/1000, "s"
		}
	case UnitNone:
	}
	// Three significant digits, but never less than the whole part.
	step := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
	if u == UnitPercent {
		step = 0.01
	}
	return shortNumber(v, step) + suffix
}

// shortNumber writes v with the decimals that step needs, and powers of ten beyond ten thousand.
func shortNumber(v, step float64) string {
	if v == 0 {
		return "0"
	}
	abs := math.Abs(v)
	if abs >= 1e15 || abs < 1e-6 {
		return strconv.FormatFloat(v, 'e', 1, 64)
	}
	for _, s := range []struct {
		from   float64
		suffix string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if abs >= s.from {
			unit := s.from
			if s.suffix == "k" {
				unit = 1e3
			}
			return trimNumber(v/unit, step/unit) + s.suffix
		}
	}
	return trimNumber(v, step)
}

func trimNumber(v, step float64) string {
	decimals := 6
	if step > 0 && !math.IsInf(step, 0) {
		decimals = clamp(int(-math.Floor(math.Log10(step)+1e-9)), 0, 6)
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if decimals > 0 {
		end := len(s)
		for s[end-1] == '0' {
			end--
		}
		if s[end-1] == '.' {
			end--
		}
		s = s[:end]
	}
	if s == "-0" {
		return "0"
	}
	return s
}
