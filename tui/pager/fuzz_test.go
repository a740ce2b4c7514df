package pager

import (
	"math"
	"strings"
	"testing"
)

// act does one of everything that can be done with a pager.
func act(p *Pager, op byte, s string) {
	n := int(op>>4) - 4
	switch op & 15 {
	case 0:
		p.Replace(strings.Split(s, "\n"))
	case 1:
		p.Append(strings.Split(s, "\n"))
	case 2:
		p.Scroll(n)
	case 3:
		p.Page(n)
	case 4:
		p.Top()
	case 5:
		p.Bottom()
	case 6:
		p.Left(n)
	case 7:
		p.Right(n)
	case 8:
		p.ToggleWrap()
	case 9:
		p.SetFollow(n > 0)
	case 10:
		p.Search(s[:min(len(s), max(0, n))])
	case 11:
		p.Next()
	case 12:
		p.Previous()
	case 13:
		p.SetNote(s)
	case 14:
		p.Append(make([]string, maxLines/8*max(0, n)))
	case 15:
		for _, far := range []func(int){p.Scroll, p.Page, p.Left, p.Right} {
			far(math.MinInt)
			far(math.MaxInt)
		}
	}
}

func FuzzPager(f *testing.F) {
	f.Add(80, 24, "a\nlong line \x1b[2J\n漢字", []byte{1, 0xf2, 8, 3, 0xaa, 11, 12})
	f.Add(1, 2, "漢字\u202e\n👩\u200d🚀x", []byte{0, 8, 0xf7, 0xaa, 11, 5, 8, 0xf7, 10})
	f.Add(7, 5, "e\u0301\u0301\ufe0f\n\ufe0f\u200d\n\U0001F1E6\U0001F1E7\U0001F1E6", []byte{1, 0x77, 0x67, 0xfe, 0xea, 11, 15, 8, 15})
	f.Add(3, 9, "\xff\n\t\tx: y\n- a: b\ncanary/x: ERROR", []byte{13, 1, 1, 1, 9, 0xf9, 0x2a, 12, 14, 0xe, 0xfe, 12})
	f.Fuzz(func(t *testing.T, width, height int, s string, ops []byte) {
		width, height = width%250, height%80
		for kind := Plain; kind <= Logs; kind++ {
			p := New(kind)
			for i, op := range ops[:min(len(ops), 24)] {
				act(p, op, s)
				if i%3 == 0 {
					check(t, p.Lines(width, height, styles(i%2 == 0)), width, height)
				}
				if current, total := p.Found(); current > total || current < 0 || p.Len() > maxLines {
					t.Fatalf("match %d of %d, %d lines", current, total, p.Len())
				}
			}
			check(t, p.Lines(width, height, styles(false)), width, height)
			check(t, p.Lines(height, width, styles(true)), height, width)
			// Every line comes by on the way from one end to the other.
			if width > 0 && height > 1 && p.Len() > 0 && p.Len() < 50 {
				p.SetNote("")
				p.Top()
				p.SetFollow(false)
				seen := 0
				for range 50 * longestLine {
					p.Lines(width, height, styles(false))
					seen = max(seen, p.moved(p.first(), p.height).line)
					if p.first() == p.last() {
						break
					}
					p.Page(1)
				}
				if seen < p.Len() {
					t.Fatalf("%d of %d lines were seen", seen, p.Len())
				}
			}
		}
	})
}
