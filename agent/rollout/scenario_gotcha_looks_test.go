package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// What a story is asked afterwards.

func (s *stage) said() (texts []string) {
	for _, m := range s.messages {
		texts = append(texts, m.Text)
	}
	return texts
}

// alerts are those that were sent, as <severity>: <text>.
func (s *stage) alerts() (all []string) {
	for _, m := range s.messages {
		if m.Alert != nil {
			all = append(all, string(m.Alert.Severity)+": "+m.Alert.Text)
		}
	}
	return all
}

func (s *stage) count(text string) (n int) {
	for _, m := range s.said() {
		if strings.HasPrefix(m, text) {
			n++
		}
	}
	return n
}

// did counts the effects that begin with a text.
func (s *stage) did(text string) (n int) {
	for _, e := range s.effects {
		if strings.HasPrefix(e, text) {
			n++
		}
	}
	return n
}

func (s *stage) wantAnswer(outcome v1beta1.IntentOutcome, message string) {
	s.t.Helper()
	if a := s.status().LastIntent; a == nil || a.Outcome != outcome || !strings.Contains(a.Message, message) {
		s.t.Errorf("the answer is %+v, want %s with %q", a, outcome, message)
	}
}

func (s *stage) wantOutcome(want v1beta1.RunOutcome) {
	s.t.Helper()
	if h := s.status().History; len(h) == 0 || h[0].Outcome != want {
		s.t.Errorf("history %+v, want outcome %s on top", h, want)
	}
}

func (s *stage) wantAlert(text string) {
	s.t.Helper()
	if !slices.ContainsFunc(s.alerts(), func(a string) bool { return strings.HasPrefix(a, text) }) {
		s.t.Errorf("no alert %q; alerts %q", text, s.alerts())
	}
}

func (s *stage) condition(t v1beta1.ConditionType) (found v1beta1.CanaryCondition) {
	for _, c := range s.status().Conditions {
		if c.Type == t {
			found = c
		}
	}
	return found
}

// String shows where the story stands.
func (s *stage) String() string {
	st := s.status()
	return fmt.Sprintf("%s w=%d run %+v message %q target %+v primary %+v route %+v services %+v effects %v",
		st.Phase, st.CanaryWeight, st.Run, st.Message, s.w.Target, s.w.Primary, s.w.Route, s.w.Services, s.effects)
}
