package rollout

import (
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func affinity(cookie, primary string) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: cookie, PrimaryCookieName: primary}
	}
}

// cookies of the status: the canary's, the primary's, the previous one.
func (s *stage) cookies() [3]string {
	st := s.status()
	return [3]string{st.SessionAffinityCookie, st.PrimarySessionAffinityCookie, st.PreviousSessionAffinityCookie}
}

// TestCookieLife follows the cookies of two runs.
func TestCookieLife(t *testing.T) {
	s := initializedStage(t, steps(20, 40), affinity("canary", "primary"))
	equal(t, "before the first run", s.cookies(), [3]string{})
	s.ship("rs:r2")
	s.untilWeight(20)
	first := s.cookies()
	s.untilWeight(40)
	second := s.cookies()
	equal(t, "canary's cookie in the second step", second[0], first[0])
	if second[1] == first[1] || second[1] == "" {
		t.Errorf("the primary's cookie was %q and is %q: each step draws anew", first[1], second[1])
	}
	equal(t, "previous in the run", second[2], "")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "after the run", s.cookies(), [3]string{"", "", first[0]})
	s.pass(time.Hour)
	equal(t, "an hour later", s.cookies(), [3]string{"", "", first[0]})

	s.ship("rs:r3")
	s.untilWeight(20)
	if next := s.cookies(); next[0] == first[0] || next[2] != "" {
		t.Errorf("cookies of the next run %q, of the first %q", next, first)
	}
}

// TestCookieIsTakenBackOnRollback keeps clients off a canary that has failed.
func TestCookieIsTakenBackOnRollback(t *testing.T) {
	s := runningStage(t, 20, steps(20), affinity("canary", ""))
	cookie := s.cookies()[0]
	equal(t, "primary's cookie", s.cookies()[1], "")
	s.checks = []CheckResult{failed(), failed()}
	s.finish(v1beta1.PhaseFailed)
	equal(t, "cookies", s.cookies(), [3]string{"", "", cookie})
}

// TestCookieWhilePodsAreLost gives the same cookie back with the weight.
func TestCookieWhilePodsAreLost(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40), affinity("canary", ""))
	cookie := s.cookies()[0]
	s.targetStuck, s.w.Target.Available = true, 0
	s.settle()
	equal(t, "without pods", s.cookies(), [3]string{"", "", cookie})
	s.targetStuck = false
	s.settle()
	equal(t, "with pods", s.cookies(), [3]string{cookie, "", ""})
}

// TestAffinityEdited puts an edit of the cookie's name into force at once, with one write.
func TestAffinityEdited(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40), affinity("canary", ""))
	s.forget()
	s.w.Canary.Spec.Analysis.SessionAffinity.CookieName = "other"
	s.settle()
	equal(t, "name", s.cookies()[0][:6], "other=")
	equal(t, "writes of the route", s.did("SetRoute(20)"), 1)
	s.w.Canary.Spec.Analysis.SessionAffinity = nil
	s.settle()
	equal(t, "cookies without affinity", s.cookies(), [3]string{})
	s.finish(v1beta1.PhaseSucceeded)
}
