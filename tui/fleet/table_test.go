package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// canary is one that takes part in nothing else.
func canary(namespace, name, phase string) view.Canary {
	c := view.Canary{Namespace: namespace, Name: name, Phase: phase, Health: view.HealthProgressing, Threshold: 5}
	switch phase {
	case "Succeeded", "Initialized":
		c.Health = view.HealthHealthy
	case "Failed":
		c.Health = view.HealthStalled
	case "Waiting", "WaitingPromotion":
		c.Health = view.HealthWaiting
	case "":
		c.Health = view.HealthUnknown
	}
	return c
}

func put(t *Table, all ...view.Canary) *Table {
	for _, c := range all {
		t.Put(c)
	}
	t.Synced()
	return t
}

// names are the canaries shown, in order.
func (t *Table) names() string {
	t.refresh()
	var out []string
	for _, r := range t.shown {
		out = append(out, r.c.Name)
	}
	return strings.Join(out, " ")
}

func selected(t *testing.T, tb *Table) string {
	t.Helper()
	c, ok := tb.Selected()
	if !ok {
		return ""
	}
	return c.Key()
}

func with(c view.Canary, change func(*view.Canary)) view.Canary {
	change(&c)
	return c
}

func classes7() []view.Canary {
	return []view.Canary{
		canary("a", "healthy", "Succeeded"),
		with(canary("a", "suspended", "Progressing"), func(c *view.Canary) { c.Suspended, c.Health = true, view.HealthSuspended }),
		canary("a", "unknown", ""),
		canary("a", "progressing", "Progressing"),
		canary("a", "failed", "Failed"),
		with(canary("a", "failing", "Progressing"), func(c *view.Canary) { c.FailedChecks = 1 }),
		canary("b", "waiting", "Waiting"),
		with(canary("a", "stalled", "Initializing"), func(c *view.Canary) { c.Health = view.HealthStalled }),
		with(canary("a", "paused", "Progressing"), func(c *view.Canary) { c.Run = &view.Run{Paused: true} }),
	}
}

func TestDefaultOrderIsAttention(t *testing.T) {
	tb := put(&Table{}, classes7()...)
	want := "paused stalled waiting failing failed progressing unknown suspended healthy"
	if got := tb.names(); got != want {
		t.Errorf("order %q, want %q", got, want)
	}
	if got, want := tb.Counts(), (Counts{Waiting: 3, Failing: 1, Failed: 1, Progressing: 1, Unknown: 1, Suspended: 1, Healthy: 1, All: 9}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	th := theme.New(theme.Mono, true, true)
	if got, want := ansi.Strip(tb.Counts().Summary(&th)), "~ 3 waiting  ! 1 failing  x 1 failed  @ 1 progressing  ? 1 unknown  ~ 1 suspended  + 1 healthy"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

// Counts follow changes and removals, and are those of the canaries there are.
func TestCountsFollow(t *testing.T) {
	tb := &Table{}
	random := rand.New(rand.NewPCG(1, 2))
	all := scene.Fleet(60)
	for range 2000 {
		c := all[random.IntN(len(all))]
		if random.IntN(3) == 0 {
			tb.Remove(c.Namespace, c.Name)
			continue
		}
		other := all[random.IntN(len(all))]
		other.Namespace, other.Name = c.Namespace, c.Name
		tb.Put(other)
	}
	sum := Counts{All: tb.Len()}
	for _, r := range tb.rows {
		for class, n := range map[Class]*int{
			Waiting: &sum.Waiting, Failing: &sum.Failing, Failed: &sum.Failed, Progressing: &sum.Progressing,
			Unknown: &sum.Unknown, Suspended: &sum.Suspended, Healthy: &sum.Healthy,
		} {
			if r.class == class {
				*n++
			}
		}
	}
	if got := tb.Counts(); got != sum || got.All == 0 {
		t.Errorf("counts %+v, want %+v", got, sum)
	}
	for _, c := range all {
		tb.Remove(c.Namespace, c.Name)
	}
	if got := tb.Counts(); got != (Counts{}) || len(tb.spaces) > 0 {
		t.Errorf("counts of nothing: %+v, namespaces %v", got, tb.spaces)
	}
}

func TestSort(t *testing.T) {
	at := scene.Epoch
	p := func(v float64) *float64 { return &v }
	all := []view.Canary{
		with(canary("z", "a", "Progressing"), func(c *view.Canary) {
			c.Weight, c.CurrentStep, c.TotalSteps, c.FailedChecks, c.Created = 10, 1, 5, 2, at.Add(-time.Hour)
			c.NextActionTime = at.Add(time.Minute)
			c.Metrics = []view.Metric{{Name: "m", Max: p(100), Value: p(99), Verdict: "Pass"}}
		}),
		with(canary("y", "b", "Promoting"), func(c *view.Canary) {
			c.Weight, c.CurrentStep, c.TotalSteps, c.FailedChecks, c.Created = 100, 5, 5, 0, at.Add(-time.Minute)
			c.Metrics = []view.Metric{{Name: "m", Max: p(100), Value: p(1), Verdict: "Pass"}}
		}),
		with(canary("x", "c", "Progressing"), func(c *view.Canary) {
			c.Weight, c.CurrentStep, c.TotalSteps, c.FailedChecks, c.Created = 50, 3, 5, 4, at.Add(-time.Second)
			c.NextActionTime = at.Add(time.Second)
			c.Metrics = []view.Metric{{Name: "m", Max: p(100), Value: p(101), Verdict: "Fail"}}
		}),
	}
	tb := put(&Table{}, all...)
	for column, want := range map[Column]string{
		ByAttention: "c a b", ByNamespace: "c b a", ByName: "a b c", ByPhase: "c a b", ByShare: "b c a",
		ByStep: "b c a", ByFailed: "c a b", ByMetric: "c a b", ByAge: "c b a", ByNext: "c a b",
	} {
		tb.Sort(column)
		if got := tb.names(); got != want {
			t.Errorf("by %s: %q, want %q", column, got, want)
		}
	}
	tb.Sort(ByShare)
	tb.Reverse()
	if got := tb.names(); got != "a c b" {
		t.Errorf("reversed: %q", got)
	}
	if c, reversed := tb.SortedBy(); c != ByShare || !reversed {
		t.Errorf("sorted by %v %v", c, reversed)
	}
	seen := map[Column]bool{}
	for range sorts {
		tb.NextSort()
		c, reversed := tb.SortedBy()
		if seen[c] || reversed {
			t.Errorf("NextSort goes to %v %v again", c, reversed)
		}
		seen[c] = true
	}
	tb.Sort(Column(99))
	if c, _ := tb.SortedBy(); c != ByAttention {
		t.Errorf("an unknown column sorts by %v", c)
	}
}

// However changes come, the order is that of sorting everything anew.
func TestOrderIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	all := scene.Fleet(80)
	for column := range Column(sorts) {
		tb := &Table{}
		tb.Sort(column)
		for range 300 {
			c, other := all[random.IntN(len(all))], all[random.IntN(len(all))]
			other.Namespace, other.Name = c.Namespace, c.Name
			tb.Put(other)
			tb.Move(1)
		}
		anew := &Table{}
		anew.Sort(column)
		for _, r := range tb.rows {
			anew.Put(r.c)
		}
		if got, want := tb.names(), anew.names(); got != want {
			t.Errorf("by %s:\n%s, want\n%s", column, got, want)
		}
	}
}

func TestFilter(t *testing.T) {
	paused := with(canary("shop-prod", "checkout", "Progressing"), func(c *view.Canary) {
		c.Run, c.Health, c.Provider, c.Strategy = &view.Run{Paused: true}, view.HealthWaiting, "traefik", "canary"
		c.Images.Target = []string{"ghcr.io/example/checkout:6.1.0"}
	})
	tb := put(&Table{}, paused,
		canary("shop-staging", "search", "Failed"), canary("media-prod", "feed", "Failed"),
		with(canary("media-prod", "web", "Failed"), func(c *view.Canary) { c.Run = &view.Run{Outcome: "Restored"} }))
	tb.Sort(ByName)
	for filter, want := range map[string]string{
		"": "checkout feed search web", "FAILED prod": "feed web", "failed !web": "feed search", "shop-prod/checkout": "checkout",
		"paused": "checkout", "rolled": "web", "traefik": "checkout", "6.1.0": "checkout", "!failed": "checkout",
		"nothing": "", "!": "checkout feed search web", "! failed": "feed search web", "  web\t": "web",
		"progressing": "checkout", "waiting": "checkout", "traefikcanary": "",
	} {
		tb.Filter(filter)
		if got := tb.names(); got != want {
			t.Errorf("filter %q shows %q, want %q", filter, got, want)
		}
		if tb.FilterText() != filter || tb.Len() != 4 {
			t.Errorf("filter %q: text %q, %d canaries", filter, tb.FilterText(), tb.Len())
		}
	}
	// A canary comes and goes with its state.
	tb.Filter("failed")
	tb.Put(canary("shop-prod", "checkout", "Failed"))
	if got := tb.names(); got != "checkout feed search web" {
		t.Errorf("after it failed: %q", got)
	}
	tb.Put(paused)
	if got := tb.names(); got != "feed search web" || tb.Shown() != 3 {
		t.Errorf("after it recovered: %q", got)
	}
}

// The selection stays with its canary through insertions, removals of others, and other orders.
func TestSelectionStays(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	tb := filled(200)
	tb.Select("billing-prod", "payments")
	all := scene.Fleet(400)
	for i := range 600 {
		c, other := all[random.IntN(len(all))], all[random.IntN(len(all))]
		switch i % 4 {
		case 0:
			tb.Put(c)
		case 1:
			if c.Key() != "billing-prod/payments" {
				tb.Remove(c.Namespace, c.Name)
			}
		case 2:
			other.Namespace, other.Name = c.Namespace, c.Name
			tb.Put(other)
		case 3:
			tb.NextSort()
		}
		if i%7 == 0 {
			draw(tb, 120, 20, chart.Braille)
		}
		if got := selected(t, tb); got != "billing-prod/payments" {
			t.Fatalf("change %d: %s is selected", i, got)
		}
	}
}

// Scrolled down, the selected row stays on its line of the screen when others come above it.
func TestRowsDoNotMoveUnderTheCursor(t *testing.T) {
	tb := &Table{}
	for i := range 100 {
		tb.Put(canary("n", fmt.Sprintf("c%03d", i), "Succeeded"))
	}
	tb.Synced()
	draw(tb, 80, 20, chart.Braille)
	tb.Move(50)
	tb.Move(-5)
	where := func() int {
		return slices.IndexFunc(draw(tb, 80, 20, chart.Braille), func(l string) bool { return strings.Contains(l, "›") })
	}
	before := where()
	tb.Put(canary("n", "a1", "Failed"))
	tb.Put(canary("n", "a2", "Failed"))
	tb.Remove("n", "c000")
	if after := where(); after != before || selected(t, tb) != "n/c045" {
		t.Errorf("line %d before, %d after, %s is selected", before, after, selected(t, tb))
	}
	// At the top, what comes to need attention is seen.
	tb.Top()
	where()
	tb.Put(canary("n", "a0", "Waiting"))
	if lines := draw(tb, 80, 20, chart.Braille); !strings.Contains(lines[1], "a0") || selected(t, tb) != "n/a1" {
		t.Errorf("first row %q, %s is selected", lines[1], selected(t, tb))
	}
}

// While the first canaries come in, the first row is selected, not the canary that came first.
func TestSelectionWhileLoading(t *testing.T) {
	tb := &Table{}
	tb.Put(canary("n", "z", "Succeeded"))
	if got := selected(t, tb); got != "n/z" {
		t.Errorf("%s is selected", got)
	}
	tb.Put(canary("n", "a", "Succeeded"))
	if got := selected(t, tb); got != "n/a" {
		t.Errorf("loading: %s is selected", got)
	}
	tb.Synced()
	tb.Put(canary("n", "0", "Succeeded"))
	if got := selected(t, tb); got != "n/a" {
		t.Errorf("after loading: %s is selected", got)
	}
	tb.Reset()
	if _, ok := tb.Selected(); ok || tb.Len() != 0 {
		t.Error("something is left after Reset")
	}
}

func TestSelectionOfWhatGoes(t *testing.T) {
	tb := put(&Table{}, canary("n", "a", "Succeeded"), canary("n", "b", "Succeeded"), canary("n", "c", "Succeeded"))
	tb.Select("n", "b")
	tb.Remove("n", "b")
	if got := selected(t, tb); got != "n/c" {
		t.Errorf("the next takes its place, got %s", got)
	}
	tb.Remove("n", "c")
	if got := selected(t, tb); got != "n/a" {
		t.Errorf("the last one left, got %s", got)
	}
	tb.Remove("n", "nobody")
	tb.Remove("n", "a")
	if got := selected(t, tb); got != "" {
		t.Errorf("nothing is left, got %s", got)
	}
	tb.Move(1)
	tb.Page(1)
	tb.Top()
	tb.Bottom()
	if tb.Select("n", "a") || tb.Click(1) {
		t.Error("something was selected in an empty table")
	}
	tb.Put(canary("n", "d", "Succeeded"))
	tb.Filter("nothing")
	if tb.Select("n", "d") {
		t.Error("what the filter hides was selected")
	}
	tb.Filter("")
	if got := selected(t, tb); got != "n/d" {
		t.Errorf("after the filter: %s", got)
	}
}

func TestMove(t *testing.T) {
	tb := filled(100)
	draw(tb, 80, 12, chart.Braille) // a heading, ten rows, the place
	cursor := func() int { tb.refresh(); return tb.cursor }
	for _, step := range []struct {
		what string
		do   func()
		want int
	}{
		{"down", func() { tb.Move(1) }, 1}, {"up too far", func() { tb.Move(-5) }, 0}, {"bottom", tb.Bottom, 99},
		{"page up", func() { tb.Page(-1) }, 90}, {"top", tb.Top, 0}, {"two pages", func() { tb.Page(2) }, 18},
		{"past the end", func() { tb.Move(1 << 62) }, 99}, {"many pages", func() { tb.Page(-1 << 62) }, 0},
	} {
		step.do()
		if got := cursor(); got != step.want {
			t.Errorf("%s: row %d, want %d", step.what, got, step.want)
		}
	}
}

func TestClick(t *testing.T) {
	tb := filled(40)
	tb.Sort(ByName)
	tb.Move(30)
	lines := draw(tb, 120, 20, chart.Braille)
	if tb.Click(0) || tb.Click(19) || tb.Click(-1) || tb.Click(500) {
		t.Error("headings, the place and what is outside are no rows")
	}
	line := ansi.Strip(lines[5])
	// What was drawn there is meant, though another canary comes before it since.
	tb.Put(canary("a", "0", "Succeeded"))
	if !tb.Click(5) {
		t.Fatal("no row")
	}
	if c, _ := tb.Selected(); !strings.Contains(line, c.Name+" ") {
		t.Errorf("%s is selected, the line was %q", c.Key(), line)
	}
}

func TestClickHeading(t *testing.T) {
	tb := filled(40)
	for _, width := range []int{40, 60, 80, 120, 160, 200} {
		head := []rune(ansi.Strip(draw(tb, width, 20, chart.Braille)[0]))
		for name, want := range map[string]Column{
			"Namespace": ByNamespace, "Name ": ByName, "Phase": ByPhase, "Share": ByShare, "Step": ByStep, "Fails": ByFailed,
			"Metric": ByMetric, "Age": ByAge, "Next": ByNext,
		} {
			if width < narrowWidth && want == ByName {
				want = ByNamespace // the column holds both
			}
			at := strings.Index(string(head), name)
			if at < 0 {
				continue
			}
			at = len([]rune(string(head)[:at])) + 1
			tb.Sort(ByAttention)
			if !tb.ClickHeading(at, 0) {
				t.Errorf("%d wide: no column at %s", width, name)
			}
			if c, reversed := tb.SortedBy(); c != want || reversed {
				t.Errorf("%d wide, %s sorts by %s", width, name, c)
			}
			tb.ClickHeading(at, 0)
			if c, reversed := tb.SortedBy(); c != want || !reversed {
				t.Errorf("%d wide, %s twice: %s %v", width, name, c, reversed)
			}
		}
		if tb.ClickHeading(5, 1) || tb.ClickHeading(0, 0) || tb.ClickHeading(-3, 0) || tb.ClickHeading(width+50, 0) {
			t.Errorf("%d wide: a heading where there is none", width)
		}
	}
}

func TestCounting(t *testing.T) {
	tb := &Table{}
	for i := range 50 {
		tb.Put(canary("n", fmt.Sprintf("c%02d", i), "Succeeded"))
	}
	tb.Put(with(canary("n", "z", "Progressing"), func(c *view.Canary) { c.NextActionTime = scene.Epoch.Add(9 * time.Second) }))
	tb.Sort(ByName)
	draw(tb, 120, 20, chart.Braille)
	if tb.Counting(scene.Epoch) {
		t.Error("counts, though what counts down is out of sight")
	}
	tb.Bottom()
	draw(tb, 120, 20, chart.Braille)
	if !tb.Counting(scene.Epoch) {
		t.Error("does not count")
	}
	if tb.Counting(scene.Epoch.Add(10 * time.Second)) {
		t.Error("counts on when the time has come")
	}
	draw(tb, 50, 20, chart.Braille)
	if tb.Counting(scene.Epoch) {
		t.Error("counts where there is no room for a countdown")
	}
}
