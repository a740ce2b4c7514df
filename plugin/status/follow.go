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
				return Outcome(last)
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
	if o.Revision != "" && !sameRevision(v.Revision, o.Revision) {
		return false
	}
	return v.Terminal() && !v.Outdated
}

// sameRevision compares with or without the prefix that tells what kind of hash it is.
func sameRevision(have, want string) bool {
	_, hash, found := strings.Cut(have, ":")
	return have == want || found && hash == want
}

// Outcome is nil for a canary whose last run went well, and an error with the right exit code
// otherwise.
func Outcome(v view.Canary) error {
	if v.Phase != "Failed" {
		return nil
	}
	reason := v.Message
	outcome := "failed"
	if v.Run != nil {
		switch v.Run.Outcome {
		case "RolledBack":
			outcome = "was rolled back"
		case "Aborted":
			outcome = "was aborted"
		case "PromotionFailed":
			outcome = "could not be promoted"
		}
		if v.Run.Message != "" {
			reason = v.Run.Message
		}
	}
	message := fmt.Sprintf("canary %q %s", v.Name, outcome)
	if v.Revision != "" {
		message = fmt.Sprintf("revision %s of canary %q %s", v.Revision, v.Name, outcome)
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
	parts = append(parts, phase)
	if v.Revision != "" && !strings.Contains(v.Message, v.Revision) { // said once is enough
		parts = append(parts, "revision "+v.Revision)
	}
	if v.Active() {
		parts = append(parts, fmt.Sprintf("weight %d%%", v.Weight))
		if v.TotalSteps > 0 {
			parts = append(parts, fmt.Sprintf("step %d/%d", v.CurrentStep, v.TotalSteps))
		}
	}
	if v.FailedChecks > 0 {
		parts = append(parts, fmt.Sprintf("failed checks %d/%d", v.FailedChecks, v.Threshold))
	}
	line := strings.Join(parts, ", ")
	switch {
	case v.Problem != "":
		return line + ": " + v.Problem
	case v.Message != "":
		return line + ": " + v.Message
	}
	return line
}
