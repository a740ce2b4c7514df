package chart

import (
	"strconv"
	"strings"
	"time"
)

// writeLabel writes what stands left of a row of the plot: the number and the axis.
func writeLabel(b *strings.Builder, l label, gutter int, g glyphSet, p pens) {
	if l.text == "" {
		b.WriteString(p[layerNone].paint(strings.Repeat(" ", gutter) + string(g.axis)))
		return
	}
	text := strings.Repeat(" ", gutter-l.width) + l.text
	if l.limit {
		b.WriteString(p[layerLimit].paint(text))
		b.WriteString(p[layerNone].paint(string(g.tick)))
		return
	}
	b.WriteString(p[penLabel].paint(text))
	b.WriteString(p[layerNone].paint(string(g.tick)))
}

// writeTimeAxis writes the two rows under the plot: the axis, with the weights on it, and the times.
func writeTimeAxis(b *strings.Builder, d Data, gutter, cols int, from, to time.Time, g glyphSet, origin time.Time, p pens) {
	line := []rune(strings.Repeat(string(horizontal(g)), cols))
	col := func(t time.Time) int { return int(fraction(t, from, to)*float64(cols-1) + 0.5) }
	inside := func(t time.Time) bool { return !t.Before(from) && !t.After(to) }

	free := 0 // the first column that no earlier mark has taken
	for _, m := range d.Marks {
		if m.Kind != MarkWeight || !inside(m.Time) {
			continue
		}
		at, text := col(m.Time), []rune(strconv.Itoa(clamp(m.Weight, 0, 100))+"%")
		switch {
		case at < free:
		case at+len(text) <= cols:
			free = at + copy(line[at:], text) + 1
		default:
			line[at] = g.weight
		}
	}
	for _, m := range d.Marks {
		// A weight is worth more than one more question mark.
		if m.Kind == MarkNoData && inside(m.Time) && line[col(m.Time)] == horizontal(g) {
			line[col(m.Time)] = g.noData
		}
	}
	b.WriteString(strings.Repeat(" ", gutter))
	b.WriteString(p[layerNone].paint(string(g.corner)))
	writeMarks(b, line, horizontal(g), p)
	b.WriteByte('\n')
	b.WriteString(p[penLabel].paint(strings.Repeat(" ", gutter+1) + timeLabels(cols, from, to, origin)))
}

// writeMarks writes the axis, with what stands on it in the colour of labels.
func writeMarks(b *strings.Builder, line []rune, rule rune, p pens) {
	for start := 0; start < len(line); {
		end := start
		for end < len(line) && (line[end] == rule) == (line[start] == rule) {
			end++
		}
		which := penLabel
		if line[start] == rule {
			which = int(layerNone)
		}
		b.WriteString(p[which].paint(string(line[start:end])))
		start = end
	}
}

func horizontal(g glyphSet) rune {
	if g.axis == '|' {
		return '-'
	}
	return '─'
}

// timeSteps are the distances between labels that people read at a glance.
var timeSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// labelDistance is the least number of columns from one time label to the next.
const labelDistance = 10

// timeLabels writes relative times under the axis, counted from origin, or back from to.
func timeLabels(cols int, from, to, origin time.Time) string {
	if origin.IsZero() {
		origin = to
	}
	out := []rune(strings.Repeat(" ", cols))
	span := to.Sub(from)
	step := span // one label at the start when nothing fits better
	for _, s := range timeSteps {
		if float64(s)/float64(span)*float64(cols) >= labelDistance {
			step = s
			break
		}
	}
	// Whole multiples of the step, counted from the origin, so that labels keep their place while
	// the axis grows.
	start := from.Sub(origin).Truncate(step)
	if start < from.Sub(origin) {
		start += step
	}
	free := 0
	for at := start; at <= to.Sub(origin); at += step {
		text := []rune(relative(at, origin.Equal(to)))
		col := int(fraction(origin.Add(at), from, to)*float64(cols-1) + 0.5)
		col = clamp(col-len(text)/2, 0, max(0, cols-len(text)))
		if col >= free && len(text) <= cols {
			free = col + copy(out[col:], text) + 2
		}
		if at > at+step { // overflow of an absurd span
			break
		}
	}
	return string(out)
}

// relative writes a distance in time; zero is the present when the axis counts back from it.
func relative(d time.Duration, endsNow bool) string {
	if d == 0 && endsNow {
		return "now"
	}
	if d < 0 {
		return "-" + relative(-max(d, -1<<62), false)
	}
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		if s := d % time.Minute / time.Second; s != 0 {
			return strconv.Itoa(int(d/time.Minute)) + "m" + strconv.Itoa(int(s)) + "s"
		}
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		if m := d % time.Hour / time.Minute; m != 0 {
			return strconv.Itoa(int(d/time.Hour)) + "h" + strconv.Itoa(int(m)) + "m"
		}
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}
