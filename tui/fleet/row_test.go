package fleet

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func TestWorstMetric(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	rate := func(v float64, verdict string) view.Metric {
		return view.Metric{Name: "rate", Unit: "percent", Min: p(99), Value: p(v), Verdict: verdict}
	}
	latency := func(v float64, verdict string) view.Metric {
		return view.Metric{Name: "latency", Unit: "milliseconds", Max: p(500), Value: p(v), Verdict: verdict}
	}
	for name, test := range map[string]struct {
		metrics []view.Metric
		want    string
	}{
		"none":                     {nil, ""},
		"not measured":             {[]view.Metric{{Name: "rate", Min: p(99)}}, ""},
		"nearest, relative":        {[]view.Metric{rate(99.9, "Pass"), latency(450, "Pass")}, "latency"},
		"nearest the other way":    {[]view.Metric{rate(99.05, "Pass"), latency(400, "Pass")}, "rate"},
		"failing first":            {[]view.Metric{rate(99.01, "Pass"), latency(600, "Fail")}, "latency"},
		"furthest beyond":          {[]view.Metric{rate(98.9, "Fail"), latency(5000, "Fail")}, "latency"},
		"not measurable":           {[]view.Metric{rate(99, "Pass"), {Name: "latency", Verdict: "NoData"}}, "latency"},
		"failing before no data":   {[]view.Metric{{Name: "latency", Verdict: "Error"}, rate(98, "Fail")}, "rate"},
		"without bounds last":      {[]view.Metric{{Name: "free", Value: p(5), Verdict: "Pass"}, latency(1, "Pass")}, "latency"},
		"between two bounds":       {[]view.Metric{{Name: "band", Min: p(0), Max: p(10), Value: p(5), Verdict: "Pass"}, latency(450, "Pass")}, "latency"},
		"a bound of zero":          {[]view.Metric{{Name: "zero", Max: p(0), Value: p(0), Verdict: "Pass"}, latency(400, "Pass")}, "zero"},
		"the largest numbers":      {[]view.Metric{{Name: "huge", Min: p(-math.MaxFloat64), Max: p(math.MaxFloat64), Value: p(0), Verdict: "Fail"}, latency(499, "Pass")}, "huge"},
		"the first of equals":      {[]view.Metric{latency(400, "Pass"), {Name: "same", Max: p(50), Value: p(40), Verdict: "Pass"}}, "latency"},
		"the only one, unbounded":  {[]view.Metric{{Name: "free", Value: p(5), Verdict: "Pass"}}, "free"},
		"a value without judgment": {[]view.Metric{{Name: "free", Value: p(5)}}, "free"},
	} {
		got := ""
		if i, danger, ok := worst(test.metrics); ok {
			got = test.metrics[i].Name
			if math.IsNaN(danger) || math.IsInf(danger, 0) {
				t.Errorf("%s: danger %v", name, danger)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// The columns of the widths that people have.
func TestColumnsByWidth(t *testing.T) {
	for _, test := range []struct {
		table         *Table
		width         int
		want, without string
	}{
		{filled(24), 200, "Namespace Name Phase Share Step Fails Metric Age Next", ""},
		{filled(24), 160, "Namespace Name Phase Share Step Fails Metric Age Next", ""},
		{filled(24), 120, "Namespace Name Phase Share Step Fails Metric Age Next", ""},
		{filled(24), 80, "Namespace Name Phase Share Step Fails Next", "Metric Age"},
		{oneNamespace(24), 80, "Name Phase Share Step Fails Metric Next", "Namespace Age"},
		{filled(24), 60, "Namespace Name Phase Share Fails", "Step"},
		{oneNamespace(24), 60, "Name Phase Share Step Fails", "Namespace Metric"},
		{filled(24), 59, "Name Phase Share", "Namespace Fails"},
		{filled(24), 30, "Name Phase", "Share"},
		{filled(24), 20, "Name", "Phase"},
	} {
		head := ansi.Strip(draw(test.table, test.width, 20, chart.Braille)[0])
		for name := range strings.FieldsSeq(test.want) {
			if !strings.Contains(head, name) {
				t.Errorf("%d wide: no %s in %q", test.width, name, head)
			}
		}
		for name := range strings.FieldsSeq(test.without) {
			if strings.Contains(head, name) {
				t.Errorf("%d wide: %s in %q", test.width, name, head)
			}
		}
	}
}

// A table of one namespace shows it when it was asked for all.
func TestNamespaces(t *testing.T) {
	tb := oneNamespace(5)
	if head := draw(tb, 120, 20, chart.Braille)[0]; strings.Contains(head, "Namespace") {
		t.Errorf("one namespace: %q", head)
	}
	tb.Namespaces = true
	if head := draw(tb, 120, 20, chart.Braille)[0]; !strings.Contains(head, "Namespace") {
		t.Errorf("asked for all: %q", head)
	}
	tb.Namespaces = false
	tb.Put(canary("other", "x", "Succeeded"))
	if head := draw(tb, 120, 20, chart.Braille)[0]; !strings.Contains(head, "Namespace") {
		t.Errorf("two namespaces: %q", head)
	}
	tb.Remove("other", "x")
	if head := draw(tb, 120, 20, chart.Braille)[0]; strings.Contains(head, "Namespace") {
		t.Errorf("one again: %q", head)
	}
}

// A wide panel says in words what a row is about.
func TestRowsSayIt(t *testing.T) {
	for state, words := range map[string][]string{
		"progressing": {"● Progressing", "40%", "4/10", "1/5", "ms", "12s 40% is judged, then the canary gets 50%"},
		"paused":      {"◌ Paused", "held until somebody resumes"},
		"gated":       {"◌ Waiting", "28m00s the run is aborted unless gate qa is approved"},
		"failed":      {"✘ Failed", "5/10", "5/5", "97.2% ✘ request-success-rate", "Rolled back: request-success-rate 97.2%"},
		"nodata":      {"- ? request-success-rate", "3/5"},
		"abtesting":   {"matching"},
		"bluegreen":   {"copies"},
		"rollback":    {"▲ Rolling back", "the rollback is complete"},
		"restored":    {"✘ Rolled back"},
		"succeeded":   {"✔ Succeeded"},
	} {
		tb := put(&Table{}, scene.Of(state))
		line := ansi.Strip(draw(tb, 200, 20, chart.Braille)[1])
		for _, word := range words {
			if !strings.Contains(line, word) {
				t.Errorf("%s: no %q in %q", state, word, line)
			}
		}
	}
	stalled := with(canary("n", "x", "Initializing"), func(c *view.Canary) {
		c.Health = view.HealthStalled
		c.Conditions = []view.Condition{{Type: "Stalled", Status: "True", Message: "Deployment x does not exist"}}
	})
	if line := ansi.Strip(draw(put(&Table{}, stalled), 200, 20, chart.Braille)[1]); !strings.Contains(line, "! Stalled") || !strings.Contains(line, "Deployment x does not exist") {
		t.Errorf("stalled: %q", line)
	}
	// Each healthy row would say the same.
	if line := ansi.Strip(draw(put(&Table{}, scene.Of("succeeded")), 200, 20, chart.Braille)[1]); strings.Contains(line, "a run begins") || strings.Contains(line, "%") {
		t.Errorf("succeeded: %q", line)
	}
}

// From one second to the next only the countdown changes.
func TestRowsDoNotJump(t *testing.T) {
	tb, th := filled(24), theme.New(theme.Auto, true, false)
	before := tb.Lines(160, 30, scene.Epoch, &th, chart.Braille)
	after := tb.Lines(160, 30, scene.Epoch.Add(3*time.Second), &th, chart.Braille)
	for i := range before {
		a, b := []rune(ansi.Strip(before[i])), []rune(ansi.Strip(after[i]))
		next := strings.Index(ansi.Strip(before[0]), "Next")
		for j := range a {
			if a[j] != b[j] && (j < next-3 || j > next+4) {
				t.Fatalf("line %d changed at column %d:\n%s\n%s", i, j, string(a), string(b))
			}
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "<1m", 59 * time.Second: "<1m", time.Minute: "1m", 59 * time.Minute: "59m", 47 * time.Hour: "47h",
		48 * time.Hour: "2d", 999 * 24 * time.Hour: "999d", 3000 * 24 * time.Hour: "8y",
	} {
		if got := age(&view.Canary{Created: scene.Epoch.Add(-d)}, scene.Epoch); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := age(&view.Canary{}, scene.Epoch); got != "" {
		t.Errorf("unknown age: %q", got)
	}
}

func TestEmptyWords(t *testing.T) {
	for name, test := range map[string]struct {
		table *Table
		want  []string
	}{
		"loading":    {&Table{}, []string{"Loading", "first answer"}},
		"no canary":  {put(&Table{Scope: "namespace shop"}), []string{"No canaries in namespace shop", "kubectl canary create deployment/NAME"}},
		"all hidden": {func() *Table { t := filled(1000); t.Filter("zzz\x1b[2J"); return t }(), []string{"Nothing matches the filter zzz^[[2J", "all 1,000 canaries are hidden"}},
		"one hidden": {func() *Table { t := filled(1); t.Filter("zzz"); return t }(), []string{"the only canary is hidden"}},
	} {
		lines := draw(test.table, 120, 20, chart.Braille)
		checkLines(t, lines, 120, 20)
		text := ansi.Strip(strings.Join(lines, "\n"))
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}

func TestCut(t *testing.T) {
	x := safe("discovery-staging")
	for width, want := range map[int]string{20: "discovery-staging", 17: "discovery-staging", 11: "disco…aging", 5: "di…ng", 4: "dis…", 1: "…", 0: ""} {
		if got := x.cutMiddle(width, "…"); got.s != want || got.w != ansi.StringWidth(got.s) {
			t.Errorf("middle, %d: %q %d, want %q", width, got.s, got.w, want)
		}
	}
	wide := safe("漢字-テスト/漢字テスト")
	for width := range wide.w + 2 {
		for _, got := range []text{wide.cut(width, "…"), wide.cutLeft(width, "…"), wide.cutMiddle(width, "…")} {
			if got.w > width || got.w != ansi.StringWidth(got.s) {
				t.Errorf("%d: %q is %d", width, got.s, got.w)
			}
		}
	}
}

// A frame of a thousand canaries costs as little as one of sixty.
func TestFrameAllocations(t *testing.T) {
	tb, th := filled(1000), theme.New(theme.Auto, true, false)
	const most = 2000
	if n := testing.AllocsPerRun(5, func() { tb.Lines(200, 60, scene.Epoch, &th, chart.Braille) }); n > most {
		t.Errorf("%.0f allocations a frame, at most %d", n, most)
	}
}
