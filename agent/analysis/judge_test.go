package analysis

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// One metric, one answer of the server, one verdict.
func TestVerdicts(t *testing.T) {
	const success, duration = "request-success-rate", "request-duration"
	noValues := "Halt advancement no values found for istio metric "
	tests := []struct {
		name    string
		metric  v1beta1.CanaryMetric
		value   string // of the canary
		primary string
		verdict v1beta1.Verdict
		message string
	}{
		{name: "no data, success rate", metric: v1beta1.CanaryMetric{Name: success}, verdict: v1beta1.VerdictNoData,
			message: noValues + "request-success-rate probably app.default is not receiving traffic: no values found"},
		{name: "no data, duration", metric: v1beta1.CanaryMetric{Name: duration}, verdict: v1beta1.VerdictNoData,
			message: noValues + "request-duration probably app.default is not receiving traffic"},
		{name: "no data, inline", metric: v1beta1.CanaryMetric{Name: "x", Query: "q"}, verdict: v1beta1.VerdictNoData,
			message: "Halt advancement no values found for metric: x"},
		{name: "NaN is no data", metric: v1beta1.CanaryMetric{Name: "x", Query: "q"}, value: "NaN", verdict: v1beta1.VerdictNoData,
			message: "Halt advancement no values found for metric: x"},
		{name: "empty range passes", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", ThresholdRange: limits("", "")}, value: "1e300", verdict: v1beta1.VerdictPass},
		{name: "empty range passes infinity", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", ThresholdRange: limits("", "")}, value: "+Inf", verdict: v1beta1.VerdictPass},
		{name: "+Inf is too large", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", ThresholdRange: limits("", "500")}, value: "+Inf", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement x +Inf > 500"},
		{name: "+Inf of a duration", metric: v1beta1.CanaryMetric{Name: duration, ThresholdRange: limits("", "500")}, value: "+Inf", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration +Inf > 500ms"},
		{name: "-Inf is too small", metric: v1beta1.CanaryMetric{Name: success, ThresholdRange: limits("99", "")}, value: "-Inf", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement success rate -Inf < 99%"},
		{name: "+Inf without a maximum", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", ThresholdRange: limits("1", "")}, value: "+Inf", verdict: v1beta1.VerdictError,
			message: "Prometheus query failed for x: the query returned +Inf, which is not a number to compare with: look for a division by zero"},
		{name: "unset threshold is a maximum of 0", metric: v1beta1.CanaryMetric{Name: "x", Query: "q"}, value: "0.0001", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement x 0.00 > 0"},
		{name: "deprecated threshold", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", Threshold: 5}, value: "12", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement x 12.00 > 5"},
		{name: "unset threshold of success rate is a minimum of 0", metric: v1beta1.CanaryMetric{Name: success}, value: "0", verdict: v1beta1.VerdictPass},
		{name: "deprecated threshold of success rate", metric: v1beta1.CanaryMetric{Name: success, Threshold: 99}, value: "98.999", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement success rate 99.00% < 99%"},
		{name: "unset threshold of duration", metric: v1beta1.CanaryMetric{Name: duration}, value: "1", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 1ms > 0s"},
		{name: "bounds are inclusive", metric: v1beta1.CanaryMetric{Name: success, ThresholdRange: limits("99", "99")}, value: "99", verdict: v1beta1.VerdictPass},
		{name: "fractions of milliseconds count", metric: v1beta1.CanaryMetric{Name: duration, ThresholdRange: limits("", "0.5")}, value: "0.4", verdict: v1beta1.VerdictPass},
		{name: "fractions of milliseconds fail", metric: v1beta1.CanaryMetric{Name: duration, ThresholdRange: limits("", "500")}, value: "500.3", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 500.3ms > 500ms"},
		{name: "minimum of a range", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", ThresholdRange: limits("1", "2")}, value: "0.5", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement x 0.50 < 1"},
		{name: "range has precedence", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", Threshold: 1, ThresholdRange: limits("", "10")}, value: "5", verdict: v1beta1.VerdictPass},
		{name: "no data may pass", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", NoData: v1beta1.NoDataPass}, verdict: v1beta1.VerdictNoData,
			message: "Not halting, noData is pass: no values found for metric: x"},

		{name: "better than the primary", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(1.2)}}, value: "110", primary: "100", verdict: v1beta1.VerdictPass},
		{name: "ratio", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(1.2)}}, value: "150", primary: "100", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 150ms against the primary's 100ms: ratio 1.500 > 1.2"},
		{name: "least ratio", metric: v1beta1.CanaryMetric{Name: success, VersusPrimary: &v1beta1.VersusPrimary{MinRatio: new(0.95)}}, value: "90", primary: "99", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement success rate 90.00% against the primary's 99.00%: ratio 0.909 < 0.95"},
		{name: "increase", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxIncrease: new(float64(20))}}, value: "150", primary: "100", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 150ms against the primary's 100ms: increase 50ms > 20ms"},
		{name: "decrease", metric: v1beta1.CanaryMetric{Name: success, VersusPrimary: &v1beta1.VersusPrimary{MaxDecrease: new(float64(1))}}, value: "97.5", primary: "99", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement success rate 97.50% against the primary's 99.00%: decrease 1.50% > 1%"},
		{name: "nothing against nothing", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(float64(1))}}, value: "0", primary: "0", verdict: v1beta1.VerdictPass},
		{name: "something against nothing", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(float64(9))}}, value: "1", primary: "0", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 1ms against the primary's 0s: ratio +Inf > 9"},
		{name: "primary without a value", metric: v1beta1.CanaryMetric{Name: duration, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(1.2)}}, value: "1", verdict: v1beta1.VerdictNoData,
			message: "Halt advancement the primary of app.default has no value to compare metric request-duration with: no values found"},
		{name: "threshold besides the primary", metric: v1beta1.CanaryMetric{Name: duration, Threshold: 5, VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(float64(2))}}, value: "6", primary: "6", verdict: v1beta1.VerdictFail,
			message: "Halt app.default advancement request duration 6ms > 5ms"},
		{name: "query that knows no primary", metric: v1beta1.CanaryMetric{Name: "x", Query: "q", VersusPrimary: &v1beta1.VersusPrimary{MaxRatio: new(float64(2))}}, value: "6", verdict: v1beta1.VerdictError,
			message: "Asking for the primary's value of metric x failed: the query does not say how to ask for the primary: use {{ target }} or {{ service }}-canary in it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, rule{"app-primary", tt.primary}, rule{"", tt.value})
			m := check(t, s, "istio", tt.metric).Metrics[0]
			if m.Verdict != tt.verdict || m.Message != tt.message {
				t.Errorf("%s %q\nwant %s %q", m.Verdict, m.Message, tt.verdict, tt.message)
			}
			if hasValue := tt.value != "" && tt.value != "NaN" && tt.value[1:] != "Inf"; hasValue != (m.Value != nil) {
				t.Errorf("value is %v", m.Value)
			}
		})
	}
}

func TestMinRequests(t *testing.T) {
	metric := v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99, MinRequests: 10, NoData: v1beta1.NoDataHold}
	for _, tt := range []struct {
		count   string
		verdict v1beta1.Verdict
		message string
	}{
		{"9.6", v1beta1.VerdictFail, "Halt app.default advancement success rate 50.00% < 99%"},
		{"3", v1beta1.VerdictNoData, "Halt advancement too few requests to judge metric request-success-rate of app.default: 3 of at least 10 within 1m"},
		{"", v1beta1.VerdictNoData, "Halt advancement too few requests to judge metric request-success-rate of app.default: 0 of at least 10 within 1m"},
		{"+Inf", v1beta1.VerdictError, "Counting the requests for metric request-success-rate failed: the query returned +Inf, which is not a number to compare with: look for a division by zero"},
	} {
		s := serve(t, rule{"increase(", tt.count}, rule{"", "50"})
		r := check(t, s, "istio", metric)
		m := r.Metrics[0]
		if m.Verdict != tt.verdict || m.Message != tt.message || m.Value == nil {
			t.Errorf("%s requests: %s %q, value %v", tt.count, m.Verdict, m.Message, m.Value)
		}
		if r.Held() != (tt.verdict == v1beta1.VerdictNoData) || r.Failed() != (tt.verdict == v1beta1.VerdictFail) {
			t.Errorf("%s requests: held %v, failed %v", tt.count, r.Held(), r.Failed())
		}
	}
}

func TestNoDataPolicy(t *testing.T) {
	for policy, want := range map[v1beta1.NoDataPolicy][2]bool{ // failed, held
		"": {true, false}, v1beta1.NoDataFail: {true, false}, v1beta1.NoDataHold: {false, true}, v1beta1.NoDataPass: {false, false},
	} {
		s := serve(t)
		r := check(t, s, "istio", v1beta1.CanaryMetric{Name: "x", Query: "q", NoData: policy})
		if r.Failed() != want[0] || r.Held() != want[1] || r.Errored() {
			t.Errorf("%q: failed %v, held %v", policy, r.Failed(), r.Held())
		}
	}
}

func TestWorst(t *testing.T) {
	of := func(v v1beta1.Verdict, p v1beta1.NoDataPolicy) Metric { return Metric{Verdict: v, NoData: p} }
	order := []Metric{
		of(v1beta1.VerdictNoData, v1beta1.NoDataPass), of(v1beta1.VerdictPass, ""), of(v1beta1.VerdictNoData, v1beta1.NoDataHold),
		of(v1beta1.VerdictError, ""), of(v1beta1.VerdictFail, ""),
	}
	for i, a := range order {
		for j, b := range order {
			if got := worst([]Metric{a, b}); got != order[max(i, j)] {
				t.Errorf("worst(%v, %v) = %v", a.Verdict, b.Verdict, got.Verdict)
			}
		}
	}
}
