package timeline

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

var t0 = time.Date(2026, 3, 14, 12, 5, 0, 0, time.UTC)

// bars are a replay at several positions, and such as never ought to be.
func bars() []Bar {
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	marks := []Mark{
		{at(10), MarkWeight, "10% of the traffic"}, {at(40), MarkWeight, "20% of the traffic"},
		{at(70), MarkFailed, "check failed: request-success-rate 97.1% < 99%"},
		{at(100), MarkWeight, "50% of the traffic"}, {at(110), MarkOther, "somebody wrote the route"},
		{at(130), MarkAction, "pause by the-owner accepted"}, {at(190), MarkPromotion, "promotion"},
		{at(310), MarkRolledBack, "rolled back"},
	}
	bar := Bar{From: t0, To: at(310), Marks: marks, Speed: 1}
	var all []Bar
	for _, b := range []struct {
		at      int
		playing bool
		speed   float64
	}{{0, false, 1}, {75, true, 1}, {150, true, 16}, {195, false, 0.25}, {310, false, 1}} {
		bar.At, bar.Playing, bar.Speed = at(b.at), b.playing, b.speed
		all = append(all, bar)
	}
	return append(all, Bar{}, Bar{From: t0, To: t0, At: t0, Playing: true})
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"unicode", "ascii"} {
		for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ASCII} {
			t.Run(fmt.Sprintf("%s/%s", name, profile), func(t *testing.T) {
				th := theme.New(theme.Auto, true, name == "ascii")
				var out bytes.Buffer
				w := &colorprofile.Writer{Forward: &out, Profile: profile}
				for _, width := range []int{120, 80, 40, 20, 12, 3} {
					_, _ = fmt.Fprintf(w, "%d\n", width)
					for _, b := range bars() {
						_, _ = fmt.Fprintln(w, strings.Join(b.Lines(width, &th), "\n"))
					}
				}
				golden.RequireEqual(t, out.Bytes())
				if plain := ansi.Strip(out.String()); name == "ascii" && strings.ContainsFunc(plain, func(r rune) bool { return r > 126 }) {
					t.Error("there is more than ASCII")
				}
			})
		}
	}
}

// Every mark has a sign of its own in both sets, so that colour is not needed.
func TestSignsDiffer(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		th := theme.New(theme.Mono, true, ascii)
		seen := map[string]Kind{th.Symbols.Active: -1, th.Symbols.HoldFull: -1, th.Symbols.HoldEmpty: -1}
		for k := MarkOther; k <= MarkRolledBack; k++ {
			sign, _ := k.sign(&th)
			if other, ok := seen[sign]; ok {
				t.Errorf("kind %d is drawn as %d: %q", k, other, sign)
			}
			seen[sign] = k
		}
	}
}

func TestTimeAt(t *testing.T) {
	b := bars()[1]
	for _, width := range []int{20, 80, 313} {
		last := b.From.Add(-1)
		for x := range width {
			at, ok := b.TimeAt(x, width)
			if !ok || !at.After(last) || at.Before(b.From) || at.After(b.To) {
				t.Errorf("column %d of %d is %s, after %s", x, width, at, last)
			}
			if got := b.column(at, width); got != x {
				t.Errorf("column %d of %d is drawn in %d", x, width, got)
			}
			last = at
		}
		if at, _ := b.TimeAt(width-1, width); !at.Equal(b.To) {
			t.Errorf("the last column is %s", at)
		}
	}
	for _, c := range [][2]int{{-1, 80}, {80, 80}, {0, 19}, {0, 0}, {5, -5}} {
		if at, ok := b.TimeAt(c[0], c[1]); ok {
			t.Errorf("column %d of %d is %s", c[0], c[1], at)
		}
	}
	if _, ok := (Bar{From: t0, To: t0}).TimeAt(3, 80); ok {
		t.Error("a bar without length has times")
	}
}

func TestJumps(t *testing.T) {
	b := bars()[1]
	b.Marks = append([]Mark{b.Marks[len(b.Marks)-1]}, b.Marks...) // in no order
	if m, ok := b.Next(); !ok || m.Text != "50% of the traffic" {
		t.Errorf("next is %+v", m)
	}
	if m, ok := b.Previous(); !ok || m.Kind != MarkFailed {
		t.Errorf("previous is %+v", m)
	}
	b.At = b.To
	if m, ok := b.Next(); ok {
		t.Errorf("after the end comes %+v", m)
	}
	b.At = b.From
	if m, ok := b.Previous(); ok {
		t.Errorf("before the beginning was %+v", m)
	}
}

func FuzzLines(f *testing.F) {
	f.Add(80, int64(0), int64(100), int64(50), int64(10), 3, "text", 1.0, true)
	f.Add(20, int64(math.MinInt64), int64(math.MaxInt64), int64(7), int64(-9), 99, "wide 世界 \u0301", math.NaN(), false)
	f.Add(1, int64(5), int64(-5), int64(0), int64(0), -4, "", math.Inf(-1), true)
	f.Fuzz(func(t *testing.T, width int, from, to, at, mark int64, kind int, text string, speed float64, playing bool) {
		if width > 1000 {
			return
		}
		for _, ascii := range []bool{false, true} {
			th := theme.New(theme.Auto, true, ascii)
			b := Bar{
				From: time.Unix(from, 0), To: time.Unix(to, 0), At: time.Unix(at, 0), Speed: speed, Playing: playing,
				Marks: []Mark{{time.Unix(mark, 0), Kind(kind), ansi.Strip(strings.ToValidUTF8(text, ""))}},
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				b.Marks[0].Text = "" // It must be clean.
			}
			for _, line := range b.Lines(width, &th) {
				if got := ansi.StringWidth(line); got != width || strings.Contains(line, "\n") {
					t.Errorf("%q has %d columns of %d", line, got, width)
				}
			}
			b.TimeAt(width/2, width)
			b.Next()
			b.Previous()
		}
	})
}
