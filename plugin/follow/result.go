package follow

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// State is how the wait for one canary ended.
type State string

const (
	// Met means: the goal was reached.
	Met State = "Met"
	// Impossible means: it cannot be reached any more; the run failed, was aborted, or was superseded.
	Impossible State = "Impossible"
	// TimedOut means: time ran out.
	TimedOut State = "TimedOut"
	// Deleted means: the canary was deleted meanwhile.
	Deleted State = "Deleted"
	// NotFound means: there is no such canary.
	NotFound State = "NotFound"
)

// Result of the wait for one canary.
type Result struct {
	Namespace, Name string
	// Revision that was waited for; empty for any.
	Revision string
	State    State
	// Err says why the goal was not met; nil when it was. Its exit code is cli.CodeFailed for
	// Impossible, cli.CodeTimeout for TimedOut, and cli.CodeError for the others.
	Err error
	// View is the last that was seen of it; empty when nothing was.
	View view.Canary
	// Waited is how long it took.
	Waited time.Duration
}

// Code is the exit code for several results: that of the worst. That one failed outranks that
// another could not be found, and that outranks that time ran out.
func Code(results []Result) int {
	rank := map[int]int{cli.CodeDone: 0, cli.CodeTimeout: 1, cli.CodeError: 2, cli.CodeFailed: 3}
	codes := []int{cli.CodeDone}
	for _, r := range results {
		codes = append(codes, cli.CodeOf(r.Err))
	}
	return slices.MaxFunc(codes, func(a, b int) int { return rank[a] - rank[b] })
}

// inOrder sorts as names were given, else by namespace and name.
func inOrder(results []Result, names []string) {
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(
			slices.Index(names, a.Name)-slices.Index(names, b.Name),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
		)
	})
}
