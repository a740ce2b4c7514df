//go:build linux

package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// row is what became of one release.
type row struct {
	place   int // of the fault among all
	fault   string
	outcome string
	// requests that were sent to the proxy, and those of them that failed.
	requests, failed int
	// excused failed too, because of what somebody else did to the pods.
	excused int
	// skipped and repeated are steps; hooks are calls that were made twice.
	skipped, repeated, hooks int
	// writes of the agent; kill is the one after which it was to be killed, reached whether it was.
	writes, kill      int
	reached, rollback bool
}

// report collects rows.
type report struct {
	mu     sync.Mutex
	rows   []row
	places int // given away
}

func (r *report) add(one row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, one)
}

// writes is how many the agent makes in a release of the kind without a fault.
func (r *report) writes(rollback bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.rows {
		if (one.fault == noFault || one.fault == noFaultRollback) && one.rollback == rollback {
			return one.writes
		}
	}
	return 0
}

// nextPlace is the next free place in the table.
func (r *report) nextPlace() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places++
	return r.places
}

// reached says whether the agent was killed after the n-th write of a release of the kind.
func (r *report) reached(n int, rollback bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.rows, func(one row) bool {
		return one.kill == n && one.rollback == rollback && one.reached
	})
}

// String is the table.
func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.rows, func(a, b row) int { return a.place - b.place })
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FAULT\tOUTCOME\tREQUESTS\tFAILED\tSTEPS SKIPPED\tSTEPS REPEATED\tHOOKS REPEATED")
	for _, one := range r.rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n",
			one.fault, one.outcome, one.requests, one.failed, one.skipped, one.repeated, one.hooks)
	}
	_ = w.Flush()
	return b.String()
}
