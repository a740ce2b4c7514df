package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

func benchModel(b *testing.B) *model {
	m := newModel(b.Context(), options())
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	m.Update(source.Canary{View: scene.Of("progressing")})
	return m
}

// The budget is 2 ms.
func BenchmarkUpdateCanary(b *testing.B) {
	m := benchModel(b)
	msg := source.Canary{View: scene.Of("progressing")}
	for b.Loop() {
		m.Update(msg)
	}
}

func BenchmarkUpdateKey(b *testing.B) {
	m := benchModel(b)
	msg := keyOf("j")
	for b.Loop() {
		m.Update(msg)
	}
}

// The budget is 5 ms at 200×60.
func BenchmarkView(b *testing.B) {
	m := benchModel(b)
	b.ReportMetric(float64(len(strings.Join(m.frame(), "\n"))), "B/frame")
	for b.Loop() {
		m.View()
	}
}

// The longest strings that pass the cleaning, in every place a cluster can put one.
func BenchmarkViewHostile(b *testing.B) {
	m := benchModel(b)
	m.Update(source.Canary{View: hostile(scene.Of("many"), strings.Repeat("漢é", 2000))})
	for b.Loop() {
		m.View()
	}
}
