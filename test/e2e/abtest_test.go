//go:build linux

package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// TestAB tests a version on those who ask for it by a header, a cookie or a query parameter: during
// the run they get the canary and only the canary, all others only the primary, and after the
// promotion everybody gets the new version from the primary.
func TestAB(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Provider: "gatewayapi:v1", Interval: "2s", Edit: iterations(3,
		map[string]any{"headers": map[string]any{"x-canary": map[string]any{"exact": "insider"}}},
		map[string]any{"headers": map[string]any{"cookie": map[string]any{"regex": `^(.*?; *)?stage=canary(;.*)?$`}}},
		map[string]any{"queryParams": map[string]any{"preview": map[string]any{"exact": "yes"}}},
	)})
	matching := map[string]*load.Generator{
		"the header": s.audience("", http.Header{"X-Canary": {"insider"}}),
		"the cookie": s.audience("", http.Header{"Cookie": {"theme=dark; stage=canary; lang=en"}}),
		"the query":  s.audience("?preview=yes", nil),
	}
	others := map[string]*load.Generator{
		"nothing":        s.load,
		"another header": s.audience("", http.Header{"X-Canary": {"outsider"}}),
		"another cookie": s.audience("", http.Header{"Cookie": {"stage=canaryish"}}),
		"another query":  s.audience("?preview=no", nil),
	}
	released := time.Now()
	s.release("python-2")
	s.until("the first iteration", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseProgressing && c.Status.CanaryWeight == 100 && c.Status.Iterations == 1
	})
	for _, g := range matching {
		s.everybodyGets(g, "python-2")
	}
	routed := time.Now()
	promoting := s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	if held := promoting.At.Sub(routed); held < 2*time.Second {
		t.Errorf("the canary had its requests for %s only, want three iterations of 2s", held)
	}
	for who, g := range matching {
		if stats := g.Window(routed, promoting.At); stats.ByVersion["python-2"] != stats.Total || stats.Total == 0 {
			t.Errorf("with %s: %v, want python-2 only", who, stats)
		}
	}
	for who, g := range others {
		t.Log("with", who)
		s.nobodyGot("python-2", g, released, promoting.At)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	for who, g := range matching {
		s.everybodyGets(g, "python-2")
		s.allServed("those with "+who, g)
	}
	for who, g := range others {
		s.everybodyGets(g, "python-2")
		s.allServed("those with "+who, g)
	}
	var counted []int32
	for _, seen := range s.record.All() {
		if st := seen.Canary.Status; st.Phase == v1beta1.PhaseProgressing && !slices.Contains(counted, st.Iterations) {
			counted = append(counted, st.Iterations)
		}
	}
	if want := []int32{0, 1, 2, 3}; !slices.Equal(counted, want) && !slices.Equal(counted, want[1:]) {
		t.Errorf("iterations %v, want 1, 2, 3", counted)
	}
	s.oneRun()
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomePromoted {
		t.Errorf("run %+v, want it promoted", run)
	}
}
