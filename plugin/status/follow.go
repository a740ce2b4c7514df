package status

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// follow prints a line per change until the run has ended, and returns its outcome as an error.
func (o *Options) follow(ctx context.Context, options feed.Options) error {
	waiting := ctx
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	last := view.Canary{}
	updates, err := feed.Start(waiting, options)
	switch {
	case err == nil:
	case outOfTime(ctx, waiting):
		return o.timedOut(last)
	default:
		return o.Explain(ctx, err, "watch", o.Namespace, o.Name)
	}
	printed := ""
	for update := range updates {
		switch u := update.(type) {
		case feed.Canary:
			last = u.View
			if line := Line(last.Cleaned()); line != printed {
				printed = line
				_, err = fmt.Fprintf(o.Streams.Out, "%s  %s\n", o.Now().Format(time.TimeOnly), line)
			}
			if err == nil && o.ended(last) {
				return o.outcome(last)
			}
		case feed.Synced:
			if last.Name == "" {
				err = cli.NotFound(ctx, o.Cluster, o.Namespace, o.Name)
			}
		case feed.Gone:
			err = fmt.Errorf("canary %q was deleted", o.Name)
		case feed.Stale:
			_, err = fmt.Fprintf(o.Streams.ErrOut, "connection lost, trying again: %s\n", view.Clean(u.Err.Error()))
		case feed.Fresh:
			_, err = fmt.Fprintln(o.Streams.ErrOut, "connected again")
		}
		if err != nil {
			return err
		}
	}
	if outOfTime(ctx, waiting) {
		return o.timedOut(last)
	}
	return ctx.Err()
}

// outOfTime tells --timeout from an interruption.
func outOfTime(ctx, waiting context.Context) bool {
	return ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded)
}

func (o *Options) timedOut(last view.Canary) error {
	state := "nothing was heard of it"
	if last.Name != "" {
		state = "it is " + view.Clean(Line(last))
	}
	return cli.TimedOut("canary %q has not ended within %s: %s", o.Name, o.Timeout, state)
}

// ended is true when there is nothing to wait for any more.
func (o *Options) ended(v view.Canary) bool {
	if o.Revision != "" && !sameRevision(v.Revision, o.Revision) && !o.broughtBack(v) {
		return false
	}
	return v.Terminal() && !v.Outdated
}

// broughtBack is true when the revision that is waited for is the one that a rollback has brought
// back: it is the primary's, although the canary is Failed.
func (o *Options) broughtBack(v view.Canary) bool {
	return o.Revision != "" && v.Restored() && sameRevision(v.Run.Revision, o.Revision)
}

func (o *Options) outcome(v view.Canary) error {
	if o.broughtBack(v) {
		return nil
	}
	return Outcome(v)
}

// sameRevision compares with or without the prefix that tells what kind of hash it is.
func sameRevision(have, want string) bool {
	_, hash, found := strings.Cut(have, ":")
	return have == want || found && hash == want
}

// Outcome is nil for a canary whose last run went well, and an error with the right exit code
// otherwise. A rollback that an operator asked for counts as a failure: the revision of the target is
// not the primary's.
func Outcome(v view.Canary) error {
	if v.Phase != "Failed" {
		return nil
	}
	reason := v.Message
	outcome, revision := "failed", v.Revision
	if r := v.Run; r != nil {
		switch {
		case r.Outcome == "RolledBack", r.Outcome == "Restored" && r.By == "":
			outcome = "was rolled back"
		case r.Outcome == "Restored":
			outcome = "was rolled back by " + r.By
		case r.Outcome == "Aborted":
			outcome = "was aborted"
		case r.Outcome == "PromotionFailed" && r.Rollback:
			outcome, revision = "could not be brought back", r.Revision
		case r.Outcome == "PromotionFailed":
			outcome = "could not be promoted"
		}
		if r.Message != "" {
			reason = r.Message
		}
	}
	message := fmt.Sprintf("canary %q %s", v.Name, outcome)
	if revision != "" {
		message = fmt.Sprintf("revision %s of canary %q %s", revision, v.Name, outcome)
	}
	if reason != "" {
		message += ": " + reason
	}
	return cli.Failed("%s", view.Clean(message))
}

// Line says in one line where a canary is.
func Line(v view.Canary) string {
	parts := []string{v.Name}
	phase := v.Phase
	if phase == "" {
		phase = "not taken up"
	}
	if v.Paused() {
		phase += " (paused)"
	}
	if v.RollingBack() {
		phase += " (rollback)"
	}
	parts = append(parts, phase)
	if v.Revision != "" && !strings.Contains(v.Message, v.Revision) { // said once is enough
		parts = append(parts, "revision "+v.Revision)
	}
	if v.Active() {
		switch v.Split() {
		case view.SplitWeight:
			parts = append(parts, fmt.Sprintf("weight %d%%", v.Weight))
		case view.SplitMatch:
			parts = append(parts, "matching requests")
		case view.SplitMirror:
			parts = append(parts, "mirrored requests")
		}
		if v.TotalSteps > 0 && !v.RollingBack() {
			noun, at, of := v.Position()
			parts = append(parts, fmt.Sprintf("%s %d/%d", noun, at, of))
		}
	}
	if v.FailedChecks > 0 {
		parts = append(parts, fmt.Sprintf("failed checks %d/%d", v.FailedChecks, v.Threshold))
	}
	line := strings.Join(parts, ", ")
	gate, waits := v.WaitingGate()
	switch {
	case v.Problem != "":
		return line + ": " + v.Problem
	case waits:
		return line + ": gate " + gate.Name + " waits for: " + v.ApproveCommand(gate)
	case v.Message != "":
		return line + ": " + v.Message
	}
	return line
}
