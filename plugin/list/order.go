package list

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// orders are the values of --sort-by. Numbers are sorted so that what wants attention comes first:
// the greatest weight, the most failed checks, the youngest canary.
var orders = []struct {
	key     string
	compare func(a, b view.Canary) int
}{
	{"name", func(a, b view.Canary) int { return cmp.Compare(a.Name, b.Name) }},
	{"namespace", func(a, b view.Canary) int { return cmp.Compare(a.Namespace, b.Namespace) }},
	{"phase", func(a, b view.Canary) int { return cmp.Compare(a.Phase, b.Phase) }},
	{"weight", func(a, b view.Canary) int { return cmp.Compare(b.Weight, a.Weight) }},
	{"failed", func(a, b view.Canary) int { return cmp.Compare(b.FailedChecks, a.FailedChecks) }},
	{"age", func(a, b view.Canary) int { return b.Created.Compare(a.Created) }},
}

// SortKeys are the values of --sort-by.
func SortKeys() []string {
	var keys []string
	for _, o := range orders {
		keys = append(keys, o.key)
	}
	return keys
}

// phases are the values of --phase.
func phases() []string {
	var out []string
	for _, p := range []v1beta1.CanaryPhase{
		v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseWaiting, v1beta1.PhaseProgressing,
		v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded,
		v1beta1.PhaseFailed, v1beta1.PhaseTerminating, v1beta1.PhaseTerminated,
	} {
		out = append(out, string(p))
	}
	return out
}

// validateOrder checks --sort-by and --phase; a phase may be written in any case.
func (o *Options) validateOrder() error {
	if o.SortBy != "" && !slices.Contains(SortKeys(), o.SortBy) {
		return cli.Usagef("--sort-by %q: use one of %s", o.SortBy, strings.Join(SortKeys(), ", "))
	}
	for i, given := range o.Phases {
		at := slices.IndexFunc(phases(), func(p string) bool { return strings.EqualFold(p, strings.TrimSpace(given)) })
		if at < 0 {
			return cli.Usagef("--phase %q: there is no such phase; use one of %s", given, strings.Join(phases(), ", "))
		}
		o.Phases[i] = phases()[at]
	}
	return nil
}

// arranged leaves out the phases that were not asked for, and sorts. Objects that need no sorting
// stay in the order of the API server, or in that of their names on the command line.
func (o *Options) arranged(rows []row) []row {
	if len(o.Phases) > 0 {
		rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(o.Phases, r.view.Phase) })
	}
	if o.Table() || o.SortBy != "" {
		slices.SortStableFunc(rows, func(a, b row) int { return o.compare(a.view, b.view) })
	}
	return rows
}

func (o *Options) compare(a, b view.Canary) int {
	for _, order := range orders {
		if order.key == o.SortBy {
			if c := order.compare(a, b); c != 0 {
				return c
			}
		}
	}
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
