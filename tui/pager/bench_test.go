package pager

import (
	"fmt"
	"strings"
	"testing"
)

func logLines(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("canary/app-6d8f9c7b5d-x2x4z web: 2026-08-01T12:00:00Z INFO request %d answered with 200 after %dms %s", i, i%97, strings.Repeat("x", i%120))
		if i%10 == 0 {
			out[i] += " – naïve 漢字"
		}
	}
	return out
}

// BenchmarkAppend adds 1,000 lines to 10,000.
func BenchmarkAppend(b *testing.B) {
	p := New(Logs)
	p.Append(logLines(maxLines))
	more := logLines(1000)
	b.ReportAllocs()
	for b.Loop() {
		p.Append(more)
	}
}

// BenchmarkFrame draws 200×60 of 10,000 lines.
func BenchmarkFrame(b *testing.B) {
	th := styles(false)
	for name, prepare := range map[string]func(*Pager){
		"cut":    func(*Pager) {},
		"wrap":   (*Pager).ToggleWrap,
		"search": func(p *Pager) { p.Search("request 9"); p.Bottom() },
	} {
		b.Run(name, func(b *testing.B) {
			p := New(Logs)
			p.Append(logLines(maxLines))
			p.Lines(200, 60, th)
			prepare(p)
			b.ReportAllocs()
			for b.Loop() {
				p.Lines(200, 60, th)
			}
		})
	}
}

// BenchmarkSearch looks through 10,000 lines, as each key of a search does.
func BenchmarkSearch(b *testing.B) {
	p := New(Logs)
	p.Append(logLines(maxLines))
	p.Lines(200, 60, styles(false))
	b.ReportAllocs()
	for b.Loop() {
		p.Search("not there")
	}
}
