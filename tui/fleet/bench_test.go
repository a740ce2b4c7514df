package fleet

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func thousand(b *testing.B) *Table {
	b.Helper()
	var t Table
	for _, c := range scene.Fleet(1000) {
		t.Put(c)
	}
	t.Synced()
	return &t
}

// All canaries arrive, and are in order.
func BenchmarkPut1000(b *testing.B) {
	all := scene.Fleet(1000)
	b.ReportAllocs()
	for b.Loop() {
		var t Table
		for _, c := range all {
			t.Put(c)
		}
		t.Top()
	}
}

// One of a thousand changes so that it moves in the order. The budget of an update is 2 ms.
func BenchmarkPutOneOf1000(b *testing.B) {
	t := thousand(b)
	c, other := scene.Fleet(5)[3], scene.Fleet(5)[4]
	other.Name, other.Namespace = c.Name, c.Namespace
	b.ReportAllocs()
	for b.Loop() {
		t.Put(other)
		t.Move(0)
		c, other = other, c
	}
}

// The budget of a frame is 5 ms at 200×60.
func BenchmarkLines1000(b *testing.B) {
	t := thousand(b)
	th := theme.New(theme.Auto, true, false)
	b.ReportAllocs()
	for b.Loop() {
		t.Lines(200, 60, scene.Epoch, &th, chart.Braille)
	}
}

// A filter that is typed: each letter filters anew.
func BenchmarkFilter1000(b *testing.B) {
	t := thousand(b)
	b.ReportAllocs()
	for b.Loop() {
		t.Filter("")
		for _, text := range []string{"f", "fa", "failed", "failed !eu"} {
			t.Filter(text)
			t.Move(0)
		}
	}
}
