package analysis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// noData is the outcome of a metric without a value. The cause begins in lower case.
func (m Metric) noData(cause string) Metric {
	m.Verdict, m.Message = v1beta1.VerdictNoData, "Halt advancement "+cause
	if m.NoData == v1beta1.NoDataPass {
		m.Message = "Not halting, noData is pass: " + cause
	}
	return m
}

// infinite judges a value without bounds of its own: it can be outside of an accepted range, but
// never a measurement. Without any bound there is nothing it could violate.
func (m Metric) infinite(c *v1beta1.Canary, spec v1beta1.CanaryMetric, inf *providers.InfiniteError, q question) Metric {
	switch {
	case inf.Negative && m.Min != nil:
		return m.outside(c, "-Inf", "<", m.show(*m.Min, true))
	case !inf.Negative && m.Max != nil:
		return m.outside(c, "+Inf", ">", m.show(*m.Max, true))
	case m.Min == nil && m.Max == nil && spec.VersusPrimary == nil:
		m.Verdict = v1beta1.VerdictPass
		return m
	}
	return m.failed(q.failure + ": " + inf.Error())
}

// judge compares a value with the bounds, and with the primary where that is asked for.
func (m Metric) judge(c *v1beta1.Canary, spec v1beta1.CanaryMetric, v float64, primary answer) Metric {
	switch {
	case m.Min != nil && v < *m.Min:
		return m.outside(c, m.show(v, false), "<", m.show(*m.Min, true))
	case m.Max != nil && v > *m.Max:
		return m.outside(c, m.show(v, false), ">", m.show(*m.Max, true))
	case spec.VersusPrimary != nil:
		return m.versus(c, *spec.VersusPrimary, v, primary)
	}
	m.Verdict = v1beta1.VerdictPass
	return m
}

// versus compares with the primary.
func (m Metric) versus(c *v1beta1.Canary, bounds v1beta1.VersusPrimary, v float64, primary answer) Metric {
	var infinite *providers.InfiniteError
	switch {
	case errors.Is(primary.err, providers.ErrNoValues), errors.As(primary.err, &infinite):
		return m.noData(fmt.Sprintf("the primary of %s.%s has no value to compare metric %s with: %v", c.Name, c.Namespace, m.Name, primary.err))
	case primary.err != nil:
		return m.failed(fmt.Sprintf("Asking for the primary's value of metric %s failed: %v", m.Name, primary.err))
	}
	p := primary.value
	ratio := v / p
	if p == 0 {
		// Nothing against nothing is equal; something against nothing exceeds every ratio.
		ratio = 1
		if v != 0 {
			ratio = math.Inf(int(math.Copysign(1, v)))
		}
	}
	checks := []struct {
		name    string
		value   float64
		bound   *float64
		outside bool
		sign    string
		ratio   bool
	}{
		{"ratio", ratio, bounds.MaxRatio, ratio > at(bounds.MaxRatio), ">", true},
		{"ratio", ratio, bounds.MinRatio, ratio < at(bounds.MinRatio), "<", true},
		{"increase", v - p, bounds.MaxIncrease, v-p > at(bounds.MaxIncrease), ">", false},
		{"decrease", p - v, bounds.MaxDecrease, p-v > at(bounds.MaxDecrease), ">", false},
	}
	for _, check := range checks {
		if check.bound == nil || !check.outside {
			continue
		}
		value, bound := m.show(check.value, false), m.show(*check.bound, true)
		if check.ratio {
			value, bound = strconv.FormatFloat(check.value, 'f', 3, 64), number(*check.bound)
		}
		return m.outside(c, fmt.Sprintf("%s against the primary's %s: %s %s", m.show(v, false), m.show(p, false), check.name, value), check.sign, bound)
	}
	m.Verdict = v1beta1.VerdictPass
	return m
}

func at(p *float64) float64 {
	if p == nil {
		return math.NaN() // no comparison with it holds
	}
	return *p
}

// outside is the outcome of a metric that violates a bound.
func (m Metric) outside(c *v1beta1.Canary, value, sign, bound string) Metric {
	what := m.Name
	switch m.Unit {
	case queries.Percent:
		what = "success rate"
	case queries.Milliseconds:
		what = "request duration"
	}
	m.Verdict = v1beta1.VerdictFail
	m.Message = fmt.Sprintf("Halt %s.%s advancement %s %s %s %s", c.Name, c.Namespace, what, value, sign, bound)
	return m
}

// show writes a value in its unit: a bound as the user wrote it, a measurement with two decimals.
func (m Metric) show(v float64, bound bool) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	if bound {
		text = number(v)
	}
	switch m.Unit {
	case queries.Percent:
		return text + "%"
	case queries.Milliseconds:
		if math.Abs(v) < 1e12 { // beyond that time.Duration ends
			return time.Duration(v * float64(time.Millisecond)).Round(10 * time.Microsecond).String()
		}
		return text + "ms"
	}
	return text
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
