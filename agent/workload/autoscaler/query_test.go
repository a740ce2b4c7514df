package autoscaler_test

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/workload/autoscaler"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// query renders the primary's query for a trigger.
func query(t testing.TB, trigger, text string) string {
	t.Helper()
	target := load(t, kedaFile)
	target.Object["spec"].(map[string]any)["triggers"] = []any{
		map[string]any{"type": trigger, "metadata": map[string]any{"query": text}},
	}
	rendered := render(t, kedaCanary(), target, 0)
	trigger0 := rendered.Object["spec"].(map[string]any)["triggers"].([]any)[0].(map[string]any)
	out, _ := trigger0["metadata"].(map[string]any)["query"].(string)
	return out
}

// TestGotchaA15NamesNotLetters replaces the name of the target where it stands for itself. An
// empty want means that the query stays.
func TestGotchaA15NamesNotLetters(t *testing.T) {
	for _, tc := range []struct{ trigger, query, want string }{
		{"prometheus", `up{pod="apps"}`, ``},
		{"prometheus", `up{pod="myapp"}`, ``},
		{"prometheus", `up{pod="my-app"}`, ``},
		{"prometheus", `up{pod="app-v2"}`, ``},
		{"prometheus", `up{pod="app.v2"}`, ``},
		{"prometheus", `up{pod="v2.app"}`, ``},
		{"prometheus", `up{pod="app_total"}`, ``},
		{"prometheus", `up{pod="app-primary"}`, ``},
		{"prometheus", `up{pod=~"app-primary-.*"}`, ``},
		{"prometheus", `up{pod="app-canary-v2"}`, ``},
		{"prometheus", `up{pod="app"}`, `up{pod="app-primary"}`},
		{"prometheus", `up{pod="app-canary"}`, `up{pod="app-primary"}`},
		{"prometheus", `up{pod="app", to="app-canary", not="app-primary", nor="apps"}`, `up{pod="app-primary", to="app-primary", not="app-primary", nor="apps"}`},
		{"prometheus", `up{pod=~"app-.*"}`, `up{pod=~"app-primary-.*"}`},
		{"prometheus", `up{pod=~"app-canary-.*"}`, `up{pod=~"app-primary-.*"}`},
		{"prometheus", `up{pod=~"app-[a-z0-9]+-[a-z0-9]+"}`, `up{pod=~"app-primary-[a-z0-9]+-[a-z0-9]+"}`},
		{"prometheus", `up{pod=~"app.*"}`, `up{pod=~"app-primary.*"}`},
		{"prometheus", `up{pod=~"^(app|other)$"}`, `up{pod=~"^(app-primary|other)$"}`},
		{"prometheus", `up{host="app.shop"}`, `up{host="app-primary.shop"}`},
		{"prometheus", `up{host="app-canary.shop.svc.cluster.local:80"}`, `up{host="app-primary.shop.svc.cluster.local:80"}`},
		{"prometheus", `up{host="app.shopping.svc"}`, ``},
		{"prometheus", `up{host="app:8080"}`, `up{host="app-primary:8080"}`},
		{"prometheus", `up{job="shop/app"}`, `up{job="shop/app-primary"}`},
		// Outside of quotes it is the name of a label or a metric, which has no hyphen.
		{"prometheus", `sum by (app) (rate(app{app="app"}[1m]))`, `sum by (app) (rate(app{app="app-primary"}[1m]))`},
		{"prometheus", "up{app='app',b=`app`}", "up{app='app-primary',b=`app-primary`}"},
		{"prometheus", `up{a="\"",app="app"}`, `up{a="\"",app="app-primary"}`},
		{"prometheus", `up{a="\app",b="app",app="x"}`, `up{a="\app-primary",b="app-primary",app="x"}`},
		{"prometheus", `up{a="\app"} + app`, `up{a="\app-primary"} + app`},
		{"prometheus", "up{a=`\\`,app=\"x\"}", ``},
		{"prometheus", "app # it's the app\n + up{a=\"app\"}", "app # it's the app\n + up{a=\"app-primary\"}"},
		{"postgresql", `SELECT n FROM load WHERE app = 'app'`, `SELECT n FROM load WHERE app = 'app-primary'`},
		{"postgresql", `SELECT n FROM app`, `SELECT n FROM app-primary`},
		{"datadog", `sum:hits{env:none,service:app}.as_count()`, `sum:hits{env:none,service:app-primary}.as_count()`},
		{"datadog", `sum:hits{app:app}.as_count()`, `sum:hits{app:app-primary}.as_count()`},
		{"graphite", `stats.counters.http.hosts.app`, ``},
		{"influxdb", `from(bucket: "b") |> filter(fn: (r) => r.app == "app")`, `from(bucket: "b") |> filter(fn: (r) => r.app == "app-primary")`},
		{"prometheus", ``, ``},
	} {
		want := tc.want
		if want == "" {
			want = tc.query
		}
		if got := query(t, tc.trigger, tc.query); got != want {
			t.Errorf("%s\n     %s\ngot  %s\nwant %s", tc.trigger, tc.query, got, want)
		}
	}
}

// TestQueriesByName leaves the triggers alone whose name is not given.
func TestQueriesByName(t *testing.T) {
	c := kedaCanary()
	c.Spec.AutoscalerRef.PrimaryScalerQueries = map[string]string{"a": "for a", "c": "for c"}
	target := load(t, kedaFile)
	target.Object["spec"].(map[string]any)["triggers"] = []any{
		map[string]any{"name": "a", "metadata": map[string]any{"query": `x{y="app"}`}},
		map[string]any{"metadata": map[string]any{"query": `x{y="app"}`}},
		map[string]any{"name": "c"},
		"of no form",
	}
	triggers := render(t, c, target, 0).Object["spec"].(map[string]any)["triggers"].([]any)
	for i, want := range []string{"for a", `x{y="app"}`, "for c"} {
		metadata, _ := triggers[i].(map[string]any)["metadata"].(map[string]any)
		if metadata["query"] != want {
			t.Errorf("trigger %d: %v, want %s", i, metadata["query"], want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("prometheus", `up{pod=~"app-.*", a="app-canary"} # app`)
	f.Add("mysql", "SELECT 'it\\'s app' FROM app-canary WHERE app != `app.shop`")
	f.Fuzz(func(t *testing.T, trigger, text string) {
		got := query(t, trigger, text)
		if !strings.Contains(text, "app") && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if undo := strings.NewReplacer("app-canary", "app", "app-primary", "app"); undo.Replace(got) != undo.Replace(text) {
			t.Errorf("%q became %q: more than the name of the target changed", text, got)
		}
		if again := query(t, trigger, got); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
	})
}

func TestResource(t *testing.T) {
	for _, tc := range []struct{ apiVersion, kind, want string }{
		{"autoscaling/v2", "HorizontalPodAutoscaler", "autoscaling/v2, Resource=horizontalpodautoscalers"},
		{"autoscaling/v1", "HorizontalPodAutoscaler", "autoscaling/v2, Resource=horizontalpodautoscalers"},
		{"autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2, Resource=horizontalpodautoscalers"},
		{"keda.sh/v1alpha1", "ScaledObject", "keda.sh/v1alpha1, Resource=scaledobjects"},
		{"apps/v1", "HorizontalPodAutoscaler", ""},
		{"autoscaling/v2", "ScaledObject", ""},
		{"keda.sh/v1alpha1", "ScaledJob", ""},
		{"a/b/c", "HorizontalPodAutoscaler", ""},
		{"", "", ""},
	} {
		ref := &v1beta1.AutoscalerReference{APIVersion: tc.apiVersion, Kind: tc.kind, Name: "app"}
		got, err := autoscaler.Resource(ref)
		if tc.want != "" && (err != nil || got.String() != tc.want) {
			t.Errorf("%s %s: %s, %v; want %s", tc.apiVersion, tc.kind, got, err, tc.want)
		}
		if tc.want == "" && (err == nil || !strings.Contains(err.Error(), "HorizontalPodAutoscaler of autoscaling/v2, or ScaledObject of keda.sh/v1alpha1")) {
			t.Errorf("%s %s: error %v, want one that names what is accepted", tc.apiVersion, tc.kind, err)
		}
	}
}

func TestFromZero(t *testing.T) {
	for what, tc := range map[string]struct {
		file  string
		value any
		want  int32
	}{
		"HPA":              {hpaFile, int64(3), 3},
		"HPA at zero":      {hpaFile, int64(0), 1},
		"HPA default":      {hpaFile, nil, 1},
		"HPA of no number": {hpaFile, "3", 1},
		"KEDA":             {kedaFile, int64(5), 5},
		"KEDA, a float":    {kedaFile, float64(5), 5},
		"KEDA default":     {kedaFile, nil, 1},
		"beyond all":       {kedaFile, int64(1) << 40, 1<<31 - 1},
		"negative":         {kedaFile, int64(-4), 1},
	} {
		live, name := load(t, tc.file), "minReplicas"
		if tc.file == kedaFile {
			name = "minReplicaCount"
		}
		live.Object["spec"].(map[string]any)[name] = tc.value
		if got := autoscaler.FromZero(live); got != tc.want {
			t.Errorf("%s: %d, want %d", what, got, tc.want)
		}
	}
	if got := autoscaler.FromZero(nil); got != 1 {
		t.Errorf("no autoscaler: %d, want 1", got)
	}
}

// TestGotchaA17ForeignScalerOfThePrimary tells that somebody else scales the primary, so that its
// replicas are left to him.
func TestGotchaA17ForeignScalerOfThePrimary(t *testing.T) {
	c := hpaCanary()
	c.Spec.AutoscalerRef = nil
	for what, tc := range map[string]struct {
		file, name, kind, namespace string
		want                        bool
	}{
		"HPA of the primary":        {hpaFile, "app-primary", "Deployment", "shop", true},
		"KEDA's of the primary":     {kedaFile, "app-primary", "Deployment", "shop", true},
		"KEDA's, kind by default":   {kedaFile, "app-primary", "", "shop", true},
		"HPA of the target":         {hpaFile, "app", "Deployment", "shop", false},
		"of another kind":           {hpaFile, "app-primary", "StatefulSet", "shop", false},
		"in another namespace":      {hpaFile, "app-primary", "Deployment", "other", false},
		"an HPA without a kind":     {hpaFile, "app-primary", "", "shop", false},
		"KEDA's of something else":  {kedaFile, "other-primary", "", "shop", false},
		"KEDA's of another kind":    {kedaFile, "app-primary", "StatefulSet", "shop", false},
		"KEDA's of the idle target": {kedaFile, "app", "", "shop", false},
	} {
		scaler := load(t, tc.file)
		set(scaler, tc.name, "spec", "scaleTargetRef", "name")
		set(scaler, tc.kind, "spec", "scaleTargetRef", "kind")
		scaler.SetNamespace(tc.namespace)
		if got := autoscaler.ScalesPrimary(c, scaler); got != tc.want {
			t.Errorf("%s: %v, want %v", what, got, tc.want)
		}
	}
	if autoscaler.ScalesPrimary(c, nil) {
		t.Error("no autoscaler scales the primary")
	}
}
