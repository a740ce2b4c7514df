package rewind

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// check is all that was measured at one time.
type check struct {
	at time.Time
	// failed says which metric failed, with its value and bound; empty when none did.
	failed string
	// empty and errored say which metric had no data, or could not be asked.
	empty, errored string
}

// checks are those of the samples that are kept, in order.
func checks(c view.Canary) []check {
	byTime := map[int64]*check{}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		for _, s := range m.Samples {
			if s.Time.IsZero() {
				continue
			}
			at := byTime[s.Time.UnixNano()]
			if at == nil {
				at = &check{at: s.Time}
				byTime[s.Time.UnixNano()] = at
			}
			at.add(m, s)
		}
	}
	out := make([]check, 0, len(byTime))
	for _, key := range slices.Sorted(maps.Keys(byTime)) {
		out = append(out, *byTime[key])
	}
	return out
}

func (c *check) add(m *view.Metric, s view.Sample) {
	first := func(to *string, text string) {
		if *to == "" {
			*to = text
		}
	}
	switch s.Verdict {
	case "Fail":
		first(&c.failed, m.Name+" "+against(m, s))
	case "NoData":
		first(&c.empty, m.Name+because(s.Message))
	case "Error":
		first(&c.errored, m.Name+because(s.Message))
	}
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// against is a value beside the bound it has broken: "97.1% < 99%".
func against(m *view.Metric, s view.Sample) string {
	if s.Value == nil {
		return "had no value"
	}
	text := number(*s.Value, m.Unit)
	switch {
	case m.Min != nil && *s.Value < *m.Min:
		return text + " < " + number(*m.Min, m.Unit)
	case m.Max != nil && *s.Value > *m.Max:
		return text + " > " + number(*m.Max, m.Unit)
	case s.Primary != nil:
		return text + ", the primary " + number(*s.Primary, m.Unit)
	}
	return text
}

func number(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if len(text) > 10 {
		text = strconv.FormatFloat(v, 'g', 4, 64)
	}
	switch unit {
	case "percent":
		return text + "%"
	case "milliseconds":
		return text + "ms"
	}
	return text
}

// failures are the times of the checks that failed, as far as samples tell. Checks without data
// count where there are more failed checks than failed samples: they are failures then, by the
// policy of the canary.
func failures(c view.Canary) []time.Time {
	var failed, all []time.Time
	for _, check := range checks(c) {
		if check.failed != "" {
			failed = append(failed, check.at)
		}
		if check.failed != "" || check.empty != "" {
			all = append(all, check.at)
		}
	}
	if total(c) > len(failed) {
		failed = all
	}
	return failed
}

// total is how many checks of the run have failed. The counter of a canary begins anew after a run.
func total(c view.Canary) int {
	n := c.FailedChecks
	if c.Run != nil {
		n = max(n, c.Run.FailedChecks)
	}
	steps := int32(0)
	for _, s := range c.Steps {
		steps += s.FailedChecks
	}
	return int(max(n, steps))
}

// failed counts the checks that had failed, and how many in a row could not be made.
func (p *past) failed() (failed, errored int32) {
	times := failures(p.now)
	most := max(total(p.now), len(times))
	for _, at := range times {
		if p.happened(at) && int(failed) < most {
			failed++
		}
	}
	for _, check := range checks(*p.Canary) {
		if check.errored != "" && check.failed == "" {
			errored++
		} else {
			errored = 0
		}
	}
	return failed, errored
}

// failedIn counts the checks that failed after a step began: that of the step before has the time
// of its beginning.
func (p *past) failedIn(begun time.Time) int32 {
	n := int32(0)
	for _, at := range failures(p.now) {
		if at.After(begun) && p.happened(at) {
			n++
		}
	}
	return n
}

// lastCheck is the newest check that had been made.
func (p *past) lastCheck() check {
	if all := checks(*p.Canary); len(all) > 0 {
		return all[len(all)-1]
	}
	return check{}
}

func plural(n int32, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
