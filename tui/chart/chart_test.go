package chart

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func series(step time.Duration, values ...float64) []Point {
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = Point{Time: t0.Add(time.Duration(i) * step), Value: v}
	}
	return points
}

func colours() Styles {
	fg := func(hex string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(hex)) }
	return Styles{Canary: fg("#E69F00"), Primary: fg("#56B4E9"), Limit: fg("#D55E00"), Axis: fg("#808080"), Fail: fg("#D55E00")}
}

// successRate dips under its limit, with a gap and a failed check.
func successRate() Data {
	nan := math.NaN()
	return Data{
		Canary:  series(10*time.Second, nan, 99.8, 99.9, 99.7, 99.6, 99.1, 98.4, nan, nan, 99.5, 99.6, 99.8, 99.9),
		Primary: series(10*time.Second, 99.9, 99.9, 99.8, 99.9, 99.9, 99.8, 99.9, 99.9, 99.9, 99.8, 99.9, 99.9, 99.9),
		Min:     new(99.0),
		Marks: []Mark{
			{Time: t0, Kind: MarkWeight, Weight: 10},
			{Time: t0.Add(40 * time.Second), Kind: MarkWeight, Weight: 20},
			{Time: t0.Add(60 * time.Second), Kind: MarkFailed},
			{Time: t0.Add(70 * time.Second), Kind: MarkNoData},
			{Time: t0.Add(90 * time.Second), Kind: MarkWeight, Weight: 40},
		},
	}
}

func latency() Data {
	return Data{
		Canary: series(30*time.Second, 212, 240, 198, 260, 1310, 320, 280),
		Max:    new(500.0),
		Marks:  []Mark{{Time: t0.Add(2 * time.Minute), Kind: MarkFailed}},
	}
}

func TestRenderGolden(t *testing.T) {
	cases := []struct {
		name string
		data Data
		unit Unit
	}{{"rate", successRate(), UnitPercent}, {"latency", latency(), UnitMilliseconds}}
	sizes := [][2]int{{100, 16}, {60, 10}, {38, 8}, {24, 5}, {40, 2}, {12, 1}, {6, 1}, {3, 1}}
	for _, c := range cases {
		for _, glyphs := range []Glyphs{Braille, Block, ASCII} {
			for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI, colorprofile.ASCII} {
				t.Run(fmt.Sprintf("%s/%s/%s", c.name, glyphs, profile), func(t *testing.T) {
					var out bytes.Buffer
					w := &colorprofile.Writer{Forward: &out, Profile: profile}
					for _, size := range sizes {
						got := Render(c.data, size[0], size[1], Options{
							Glyphs: glyphs, Unit: c.unit, Styles: colours(), Origin: t0,
						})
						checkSize(t, got, size[0], size[1])
						_, _ = fmt.Fprintf(w, "%d×%d\n%s\n", size[0], size[1], got)
					}
					golden.RequireEqual(t, out.Bytes())
				})
			}
		}
	}
}

// checkSize asserts what callers lay out by: exactly so many lines, each exactly so wide.
func checkSize(t *testing.T, got string, width, height int) {
	t.Helper()
	if width <= 0 || height <= 0 {
		if got != "" {
			t.Fatalf("%d×%d: want nothing, got %q", width, height, got)
		}
		return
	}
	lines := strings.Split(got, "\n")
	if len(lines) != height {
		t.Fatalf("%d×%d: %d lines\n%s", width, height, len(lines), got)
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w != width {
			t.Fatalf("%d×%d: line of %d columns: %q", width, height, w, line)
		}
	}
}

func TestRenderASCIIIsASCII(t *testing.T) {
	for _, size := range [][2]int{{80, 12}, {30, 4}, {20, 1}} {
		got := Render(successRate(), size[0], size[1], Options{Glyphs: ASCII, Unit: UnitPercent})
		for _, r := range got {
			if r > 126 {
				t.Errorf("%v: %q in ASCII output", size, r)
			}
		}
	}
}

// Without colour the two sides must still differ: the primary never joins its dots.
func TestSidesDifferByGlyph(t *testing.T) {
	values := []float64{1, 5, 2, 8, 3, 9, 1, 5}
	for _, glyphs := range []Glyphs{Braille, Block, ASCII} {
		o := Options{Glyphs: glyphs}
		canary := Render(Data{Canary: series(time.Second, values...)}, 40, 8, o)
		primary := Render(Data{Primary: series(time.Second, values...)}, 40, 8, o)
		if canary == primary {
			t.Errorf("%s: both sides look the same:\n%s", glyphs, canary)
		}
	}
}

func TestGapIsNotBridged(t *testing.T) {
	nan := math.NaN()
	d := Data{Canary: series(time.Second, 5, nan, nan, nan, nan, nan, nan, nan, 5)}
	for line := range strings.Lines(Render(d, 40, 6, Options{Glyphs: ASCII})) {
		if strings.Count(line, "*") > 2 {
			t.Errorf("gap is drawn: %q", line)
		}
	}
}

func TestExtremes(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, values := range map[string][]float64{
		"none": nil, "nan": {nan, nan}, "inf": {inf, -inf}, "inf and value": {1, inf, 2, -inf},
		"huge": {math.MaxFloat64, -math.MaxFloat64}, "tiny": {5e-324, 0, 1e-310}, "constant": {7, 7, 7},
		"zero": {0, 0}, "close": {1e15, 1e15 + 0.1}, "negative": {-5, -3}, "one": {42},
	} {
		t.Run(name, func(t *testing.T) {
			for _, glyphs := range []Glyphs{Braille, Block, ASCII} {
				for _, width := range []int{0, 1, 2, 3, 8, 9, 10, 11, 13, 15, 16, 17, 18, 20, 40, 70} {
					for height := range 8 {
						d := Data{Canary: series(time.Second, values...), Primary: series(time.Second, values...), Min: &inf, Max: new(3.0)}
						checkSize(t, Render(d, width, height, Options{Glyphs: glyphs}), width, height)
					}
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	centuries := []Point{{Value: 1}, {Time: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Value: 2}}
	backwards := []Point{{Time: t0.Add(time.Hour), Value: 1}, {Time: t0, Value: 2}}
	same := []Point{{Time: t0, Value: 1}, {Time: t0, Value: 2}, {Time: t0, Value: 3}}
	for _, points := range [][]Point{centuries, backwards, same} {
		checkSize(t, Render(Data{Canary: points}, 60, 10, Options{}), 60, 10)
		checkSize(t, Render(Data{Canary: points}, 60, 10, Options{From: t0.Add(time.Minute), To: t0, Origin: t0}), 60, 10)
	}
	if backwards[0].Time.Before(backwards[1].Time) {
		t.Error("the caller's points were sorted in place")
	}
}

func TestGutterLinesUpCharts(t *testing.T) {
	rate, ms := Options{Unit: UnitPercent, Origin: t0}, Options{Unit: UnitMilliseconds, Origin: t0}
	gutter := max(Gutter(successRate(), 10, rate), Gutter(latency(), 10, ms))
	rate.Gutter, ms.Gutter = gutter, gutter
	column := func(d Data, o Options) int {
		o.From, o.To = t0, t0.Add(3*time.Minute)
		lines := strings.Split(Render(d, 60, 10, o), "\n")
		return ansi.StringWidth(lines[9][:strings.Index(lines[9], "2m")])
	}
	if a, b := column(successRate(), rate), column(latency(), ms); a != b {
		t.Errorf("2m stands in column %d and %d", a, b)
	}
	for _, g := range []int{-5, 1000} { // nonsense must not break the size
		checkSize(t, Render(latency(), 60, 10, Options{Gutter: g}), 60, 10)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit Unit
		want string
	}{
		{99.4213, UnitPercent, "99.42%"}, {100, UnitPercent, "100%"}, {0, UnitPercent, "0%"},
		{212.4, UnitMilliseconds, "212ms"}, {1250, UnitMilliseconds, "1.25s"}, {3.14159, UnitNone, "3.14"},
		{0.00123, UnitNone, "0.00123"}, {1234567, UnitNone, "1.23M"}, {math.NaN(), UnitNone, "no data"},
		{math.Inf(-1), UnitPercent, "-Inf"}, {-0.001, UnitPercent, "0%"}, {1e300, UnitNone, "1.0e+300"},
		{12345, UnitNone, "12.3k"},
	} {
		if got := Format(c.v, c.unit); got != c.want {
			t.Errorf("Format(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add(80, 24, 1.0, 2.0, math.NaN(), int64(10), uint8(0), 5.0)
	f.Add(0, 0, math.Inf(1), math.Inf(-1), 1e308, int64(-1), uint8(1), math.NaN())
	f.Add(11, 4, -1e308, 1e308, 5e-324, int64(1<<62), uint8(2), math.Copysign(0, -1))
	f.Fuzz(func(t *testing.T, width, height int, a, b, c float64, step int64, mode uint8, limit float64) {
		width, height = width%300, height%100
		d := Data{
			Canary:  series(time.Duration(step), a, b, c, a, a, b),
			Primary: series(time.Duration(step)/2, c, b, a),
			Marks:   []Mark{{Time: t0, Kind: MarkWeight, Weight: int(step)}, {Time: t0.Add(time.Duration(step)), Kind: MarkFailed}},
		}
		if mode&4 != 0 {
			d.Min = &limit
		}
		if mode&8 != 0 {
			d.Max = &limit
		}
		o := Options{Glyphs: Glyphs(mode & 3 % 3), Unit: Unit(mode >> 4 % 3)}
		if mode&128 != 0 {
			o.Origin = t0
		}
		checkSize(t, Render(d, width, height, o), width, height)
	})
}

func BenchmarkRender(b *testing.B) {
	values := make([]float64, 60)
	for i := range values {
		values[i] = 99 + math.Sin(float64(i)/5)
	}
	d := Data{Canary: series(time.Second, values...), Primary: series(time.Second, values...), Min: new(99.0)}
	for b.Loop() {
		Render(d, 96, 14, Options{Styles: colours(), Unit: UnitPercent})
	}
}
