//go:build linux

package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// figures is a table of what was measured, with the budgets of it.
type figures struct{ rows []string }

// add notes a figure: for people, and by its unit for programs such as benchstat. A budget is what
// the figure should not be above, with the unit of the measure; empty when there is none.
func (f *figures) add(b *testing.B, measure string, value float64, unit, format, budget string) {
	b.Helper()
	b.ReportMetric(value, unit)
	f.rows = append(f.rows, fmt.Sprintf("%s\t%s\t%s", measure, fmt.Sprintf(format, value), budget))
}

// also is a figure that has no budget.
type also struct {
	value float64
	unit  string
}

// also notes what belongs to the figure before it, on one line.
func (f *figures) also(b *testing.B, name string, all ...also) {
	b.Helper()
	texts := make([]string, len(all))
	for i, a := range all {
		b.ReportMetric(a.value, a.unit+"-"+name)
		texts[i] = fmt.Sprintf("%.0f %s", a.value, a.unit)
	}
	f.rows = append(f.rows, "  beside it\t"+strings.Join(texts, ", ")+"\t")
}

// times notes how long something took that was done several times.
func (f *figures) times(b *testing.B, measure, name string, took []time.Duration, budget string) {
	b.Helper()
	slices.Sort(took)
	f.add(b, measure+", median", milliseconds(quantile(took, 0.5)), "ms-"+name, "%.1f ms", budget)
	f.add(b, measure+", 95 of 100", milliseconds(quantile(took, 0.95)), "ms-"+name+"-p95", "%.1f ms", budget)
}

// quantile is the value that the given part of sorted values is not above.
func quantile(sorted []time.Duration, part float64) time.Duration {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// log prints the table. A benchmark prints ten lines at most.
func (f *figures) log(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	// A strings.Builder takes everything.
	_, _ = fmt.Fprint(w, strings.Join(append([]string{"measure\tvalue\tbudget"}, f.rows...), "\n"))
	_ = w.Flush()
	b.Log(text.String())
}
