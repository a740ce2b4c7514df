package rollout

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Who did it and why is in the history and in an event, whatever the verb.
func TestReasonIsKept(t *testing.T) {
	for verb, want := range map[v1beta1.Verb]struct {
		phase   v1beta1.CanaryPhase
		message string
	}{
		v1beta1.VerbPromote:  {v1beta1.PhaseSucceeded, "promoted by jane: checked by hand"},
		v1beta1.VerbAbort:    {v1beta1.PhaseFailed, "aborted by jane: checked by hand"},
		v1beta1.VerbRollback: {v1beta1.PhaseFailed, "revision rs:r1 was brought back: checked by hand"},
	} {
		t.Run(string(verb), func(t *testing.T) {
			s := promoted(t, steps(20))
			if verb != v1beta1.VerbRollback {
				s.ship("rs:r3")
				s.untilWeight(20)
			}
			s.ask(v1beta1.Intent{Verb: verb, Reason: "checked by hand"})
			s.finish(want.phase)
			record := s.status().History[0]
			equal(t, "message", record.Message, want.message)
			equal(t, "by", record.By, "jane")
			said := strings.Join(s.said(), "\n")
			if !strings.Contains(said, string(verb)+" by jane accepted: ") || !strings.Contains(said, "; reason: checked by hand") {
				t.Errorf("the reason is in no event:\n%s", said)
			}
		})
	}
}
