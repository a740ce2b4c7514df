package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// benchModel is the screen of one canary at 200×60.
func benchModel(b *testing.B) *model {
	m := newModel(b.Context(), options())
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.feed(source.Canary{View: scene.Of("progressing")})
	if !m.detail.loaded {
		b.Fatal("the canary has not reached the screen")
	}
	return m
}

// benchFleet is the screen of 1,000 canaries at 200×60.
func benchFleet(b *testing.B) *model {
	o := options()
	o.Name, o.Namespace, o.Scope = "", "", "all namespaces"
	m := newModel(b.Context(), o)
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.feed(append(all(), source.Synced{})...)
	if n := m.fleet.table.Counts().All; n != 1000 {
		b.Fatalf("%d canaries have reached the screen, want 1000", n)
	}
	return m
}

func all() []source.Update {
	var updates []source.Update
	for _, c := range scene.Fleet(1000) {
		updates = append(updates, source.Canary{View: c})
	}
	return updates
}

// The budget is 2 ms.
func BenchmarkUpdateCanary(b *testing.B) {
	m, update := benchModel(b), source.Canary{View: scene.Of("progressing")}
	b.ReportAllocs()
	for b.Loop() {
		m.feed(update)
	}
}

// The budget is 2 ms.
func BenchmarkUpdateKey(b *testing.B) {
	m, key := benchModel(b), keyOf("j")
	b.ReportAllocs()
	for b.Loop() {
		m.Update(key)
	}
}

// One of 1,000 canaries changes, and takes another place in the order. The budget is 2 ms.
func BenchmarkUpdateFleet(b *testing.B) {
	m := benchFleet(b)
	c, other := scene.Fleet(5)[3], scene.Fleet(5)[4]
	other.Name, other.Namespace = c.Name, c.Namespace
	b.ReportAllocs()
	for b.Loop() {
		m.feed(source.Canary{View: other})
		c, other = other, c
	}
}

// All of 1,000 canaries arrive, as after a lost connection.
func BenchmarkUpdateFleetAnew(b *testing.B) {
	m, updates := benchFleet(b), all()
	b.ReportAllocs()
	for b.Loop() {
		m.feed(updates...)
	}
}

// The budget is 2 ms.
func BenchmarkUpdateFleetKey(b *testing.B) {
	m, key := benchFleet(b), keyOf("j")
	b.ReportAllocs()
	for b.Loop() {
		m.Update(key)
	}
}

// The budget is 5 ms.
func BenchmarkView(b *testing.B) {
	m := benchModel(b)
	b.ReportMetric(float64(len(strings.Join(m.frame(), "\n"))), "B/frame")
	b.ReportAllocs()
	for b.Loop() {
		m.View()
	}
}

// The budget is 5 ms.
func BenchmarkViewFleet(b *testing.B) {
	m := benchFleet(b)
	b.ReportMetric(float64(len(strings.Join(m.frame(), "\n"))), "B/frame")
	b.ReportAllocs()
	for b.Loop() {
		m.View()
	}
}

// The longest strings that pass the cleaning, in every place a cluster can put one.
func BenchmarkViewHostile(b *testing.B) {
	m := benchModel(b)
	m.feed(source.Canary{View: hostile(scene.Of("many"), strings.Repeat("漢é", 2000))})
	b.ReportAllocs()
	for b.Loop() {
		m.View()
	}
}

// A frame with all that it takes: one of 1,000 canaries changes, and is drawn.
func BenchmarkFrameFleet(b *testing.B) {
	m := benchFleet(b)
	c, other := scene.Fleet(5)[3], scene.Fleet(5)[4]
	other.Name, other.Namespace = c.Name, c.Namespace
	b.ReportAllocs()
	for b.Loop() {
		m.feed(source.Canary{View: other})
		m.View()
		c, other = other, c
	}
}
