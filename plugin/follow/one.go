package follow

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/target"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// one canary that is waited for.
type one struct {
	view view.Canary
	// revision that is waited for; empty for any.
	revision string
	// explicit is set when somebody has named the revision.
	explicit bool
	// known is set once it is clear which revision is waited for.
	known bool
	// since is when the target got the revision, as far as that is known.
	since time.Time
	// taken is set once the status has spoken of the revision.
	taken bool
	// theirs is what another controller calls the revision.
	theirs string
	// old are the runs that had ended before the wait began: they tell nothing about this one.
	old map[string]bool
	// asked is the revision of the status that the target was last compared with.
	asked   string
	reading bool
	// superseded is what the target has moved on to before the status spoke of the revision.
	superseded string
	printed    string
	result     *Result
}

// begin takes the first view.
func (o *one) begin(v view.Canary, revision string) {
	o.old = map[string]bool{}
	for _, r := range v.History {
		o.old[r.ID] = true
	}
	o.asked = v.TargetRevision
	switch revision {
	case "":
	case Any:
		o.known = true
	default:
		o.revision, o.explicit = revision, true
		// A revision that is in the history may be over, or about to be released once more: what
		// the target has decides.
		_, over := o.record(v, true)
		o.known = o.speaks(v) || !over
	}
}

// answer takes in which revision the target has. The word is about what could not be told.
func (o *one) answer(have target.Revision, err error) (word error) {
	o.reading = false
	switch {
	case o.known: // read once more, since the status does not speak of what is waited for
		if err == nil && !o.explicit && !o.taken && have.ID != o.revision {
			o.superseded = have.ID
		}
	case o.explicit:
		o.known = true
		if err != nil || !view.SameRevision(have.ID, o.revision) {
			o.old = nil // The history tells what became of it.
		}
	case err != nil:
		o.known = true
		return err
	default:
		o.known, o.revision, o.since = true, have.ID, have.Since
	}
	return nil
}

// stale is true when the target has to be read again before anything can be concluded.
func (o *one) stale() bool {
	return !o.known || !o.explicit && o.revision != "" && !o.taken && o.asked != o.view.TargetRevision && !o.speaks(o.view)
}

// speaks is true when the status is about the revision that is waited for.
func (o *one) speaks(v view.Canary) bool {
	return view.SameRevision(v.TargetRevision, o.revision) || v.Run != nil && view.SameRevision(v.Run.Revision, o.revision)
}

// initializing is true while the status speaks of no revision, because there is none before the first.
func initializing(v view.Canary) bool {
	return v.Phase == string(v1beta1.PhaseInitializing) && v.TargetRevision == ""
}

// record finds the newest finished run of the revision that is waited for.
func (o *one) record(v view.Canary, old bool) (view.Run, bool) {
	for _, r := range v.History {
		if (old || !o.old[r.ID]) && view.SameRevision(r.Revision, o.revision) {
			return r, true
		}
	}
	return view.Run{}, false
}

// judge concludes from the last view.
func (o *one) judge(g Goal) (verdict, error) {
	v := o.view
	switch {
	case g.Deletion():
		return pending, nil
	case !o.known || v.Outdated:
		return pending, nil
	case o.revision == "":
		return g.judge(v, "")
	case v.Foreign && !o.explicit:
		return o.judgeForeign(g)
	case o.speaks(v):
		o.taken = true
		return g.judge(v, o.revision)
	case initializing(v) && !o.explicit:
		return g.judge(v, o.revision)
	}
	if record, ok := o.record(v, false); ok {
		return g.judgeRecord(v.Name, record)
	}
	switch {
	case o.superseded != "":
		return impossible, fmt.Errorf("revision %s of canary %q was superseded: %s %s has revision %s by now",
			o.revision, v.Name, v.Target.Kind, v.Target.Name, o.superseded)
	case o.taken:
		return impossible, fmt.Errorf("revision %s of canary %q was superseded by revision %s", o.revision, v.Name, v.TargetRevision)
	}
	return pending, nil
}

// judgeForeign is for canaries of another controller, whose revisions are hashes of its own: that the
// status has moved since the target was changed tells that it speaks of the change.
func (o *one) judgeForeign(g Goal) (verdict, error) {
	v := o.view
	switch {
	case !o.taken && o.since.After(v.LastTransition):
		return pending, nil
	case !o.taken:
		o.taken, o.theirs = true, v.TargetRevision
	case v.TargetRevision != o.theirs:
		return impossible, fmt.Errorf("revision %s of canary %q was superseded by revision %s", o.theirs, v.Name, v.TargetRevision)
	}
	return g.judge(v, "")
}

// judgeRecord is for a revision whose run is over, and of which the status speaks no more.
func (g Goal) judgeRecord(name string, r view.Run) (verdict, error) {
	outcome := "failed"
	switch v1beta1.RunOutcome(r.Outcome) {
	case v1beta1.OutcomePromoted, v1beta1.OutcomeSkipped, v1beta1.OutcomeRestored:
		switch g.word {
		case "", succeeded, promoted:
			return met, nil
		}
		outcome = "was promoted"
	case v1beta1.OutcomeSuperseded:
		outcome = "was superseded"
	case v1beta1.OutcomeAborted:
		outcome = "was aborted"
	case v1beta1.OutcomeRolledBack:
		outcome = "was rolled back"
	case v1beta1.OutcomePromotionFailed:
		outcome = "could not be promoted"
	}
	if g.word == failed && r.Failed() {
		return met, nil
	}
	message := fmt.Sprintf("revision %s of canary %q %s", r.Revision, name, outcome)
	if r.Message != "" {
		message += ": " + r.Message
	}
	return impossible, errors.New(message)
}

// late says where the canary is and what is awaited, when time has run out.
func (o *one) late(name string, g Goal, within time.Duration) error {
	v := o.view
	if v.Name == "" {
		return cli.TimedOut("canary %q %s within %s: nothing was heard of it", name, g.unmet(), within)
	}
	message := fmt.Sprintf("canary %q %s within %s: it is %s", name, g.unmet(), within, strings.TrimSuffix(Line(v), "."))
	switch {
	case g.Deletion():
	case !o.known:
		message += fmt.Sprintf("; which revision %s %s has is not known yet", v.Target.Kind, v.Target.Name)
	case o.revision != "" && !o.taken:
		message += fmt.Sprintf("; revision %s of %s %s has not been taken up yet", o.revision, v.Target.Kind, v.Target.Name)
	case v.NextAction != "":
		message += "; next: " + v.NextAction
	}
	return cli.TimedOut("%s", view.Clean(message))
}
