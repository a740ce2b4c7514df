package knative_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/knative"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const manifest = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: shop}
spec:
  provider: knative
  targetRef: {apiVersion: serving.knative.dev/v1, kind: Service, name: app}
  analysis: {interval: 10s, threshold: 5, stepWeight: 10}
`

var provider = knative.Provider{}

// service is the target with the traffic of spec and status, both in YAML.
func service(t *testing.T, annotations, spec, status string) routing.Objects {
	t.Helper()
	c := routingtest.Canary(t, manifest)
	return routing.Objects{provider.Refs(c)[0]: routingtest.Object(t, `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app, namespace: shop, generation: 4, labels: {team: shop}, annotations: `+annotations+`}
spec: {template: {spec: {containers: [{image: "app:2"}]}}, traffic: `+spec+`}
status: `+status)}
}

const marked = `{` + workload.PrimaryRevisionAnnotation + `: app-1}`

// TestGotchaD15TagsStay proves that entries with tags survive every write on the Revision they are
// on, and that a status without what is looked for breaks nothing.
func TestGotchaD15TagsStay(t *testing.T) {
	c := routingtest.Canary(t, manifest)
	live := service(t, marked, `[
  {latestRevision: true, percent: 20, tag: next},
  {revisionName: app-0, percent: 30, tag: old},
  {revisionName: app-1, percent: 50, tag: current},
  {latestRevision: true, tag: preview},
  {revisionName: app-x, percent: 0}]`, `{}`)
	for name, split := range map[string]routing.Split{"primary": routing.ToPrimary, "part": routing.CanaryShare(30)} {
		objects, err := provider.Render(c, split, live)
		if err != nil {
			t.Fatal(err)
		}
		routingtest.Golden(t, name, objects)

		// Rendered on top of itself it is the same: nothing is written for ever.
		applied := live[provider.Refs(c)[0]].DeepCopy()
		applied.Object["spec"].(map[string]any)["traffic"] = objects[0].Object["spec"].(map[string]any)["traffic"]
		again, err := provider.Render(c, split, routing.Objects{provider.Refs(c)[0]: applied})
		if err != nil {
			t.Fatal(err)
		}
		if diff := routing.Diff(again[0], applied); len(diff) > 0 {
			t.Errorf("%s: applied, it differs in %v", name, diff)
		}
		seen, err := provider.Observe(c, routing.Objects{provider.Refs(c)[0]: applied})
		if err != nil || seen.Split != split || !seen.Exists || !seen.Reports || seen.Confirmed {
			t.Errorf("%s: observed %+v, %v", name, seen, err)
		}
	}
}

// TestObserve reads the split from the spec, and from the status whether it is in force.
func TestObserve(t *testing.T) {
	c := routingtest.Canary(t, manifest)
	const (
		spec  = `[{latestRevision: true, percent: 30}, {revisionName: app-1, percent: 70}]`
		ready = `{observedGeneration: 4, conditions: [{type: Ready, status: "False"}, {type: RoutesReady, status: "True"}], traffic: `
		same  = `[{latestRevision: true, revisionName: app-2, percent: 30}, {latestRevision: false, revisionName: app-1, percent: 70}]`
	)
	for name, tt := range map[string]struct {
		annotations, spec, status string
		exists, confirmed         bool
		message                   string
	}{
		"in force":          {marked, spec, ready + same + `}`, true, true, ""},
		"other shares":      {marked, spec, ready + `[{latestRevision: true, percent: 0}, {revisionName: app-1, percent: 100}]}`, true, false, "0 %"},
		"another primary":   {marked, spec, ready + `[{latestRevision: true, percent: 30}, {revisionName: app-0, percent: 70}]}`, true, false, "app-0"},
		"no status":         {marked, spec, `{}`, true, false, "newest spec"},
		"no condition":      {marked, spec, `{observedGeneration: 4}`, true, false, "RoutesReady"},
		"routes not ready":  {marked, spec, `{observedGeneration: 4, conditions: [{type: RoutesReady, status: Unknown, message: waiting}]}`, true, false, "waiting"},
		"not looked at yet": {marked, spec, `{observedGeneration: 3, traffic: ` + same + `}`, true, false, "newest spec"},
		"not marked":        {`{}`, spec, `{}`, false, false, ""},
		"user's default":    {marked, `null`, `{}`, false, false, ""},
	} {
		seen, err := provider.Observe(c, service(t, tt.annotations, tt.spec, tt.status))
		if err != nil || seen.Exists != tt.exists || seen.Confirmed != tt.confirmed || !strings.Contains(seen.Message, tt.message) {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
		if seen.Exists && (seen.Split != routing.CanaryShare(30) || !seen.Reports) {
			t.Errorf("%s: split %+v", name, seen.Split)
		}
	}
	if seen, err := provider.Observe(c, nil); err != nil || seen.Exists {
		t.Errorf("without the target: %+v, %v", seen, err)
	}
	for name, spec := range map[string]string{
		"to a third one": `[{latestRevision: true, percent: 30}, {revisionName: app-1, percent: 60}, {revisionName: app-0, percent: 10}]`,
		"too little":     `[{latestRevision: true, percent: 30}]`,
		"a fraction":     `[{latestRevision: true, percent: 0.5}, {revisionName: app-1, percent: 99.5}]`,
		"no list":        `{}`,
		"no object":      `[all]`,
	} {
		seen, err := provider.Observe(c, service(t, marked, spec, `{}`))
		if _, ok := errors.AsType[*routing.MalformedError](err); !ok || !seen.Exists || !strings.Contains(err.Error(), "shop/app") {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
	}
}

// TestRenderRefuses proves that nothing is routed to nobody, and that the message says what is missing.
func TestRenderRefuses(t *testing.T) {
	c := routingtest.Canary(t, manifest)
	for name, tt := range map[string]struct {
		live  routing.Objects
		split routing.Split
		want  string
	}{
		"no target":  {nil, routing.ToPrimary, "does not exist"},
		"no primary": {service(t, `{}`, `[]`, `{}`), routing.ToPrimary, "flagger.app/primary-revision"},
		"bad split":  {service(t, marked, `[]`, `{}`), routing.Split{Primary: 90, Canary: 90}, "distribution"},
		"bad list":   {service(t, marked, `[all]`, `{}`), routing.ToPrimary, "spec.traffic[0]"},
	} {
		objects, err := provider.Render(c, tt.split, tt.live)
		if err == nil || len(objects) > 0 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", name, objects, err)
		}
	}
}

// TestCheck refuses what Knative cannot do, by its path.
func TestCheck(t *testing.T) {
	for path, edit := range map[string]func(*v1beta1.Canary){
		"":                              func(*v1beta1.Canary) {},
		"spec.targetRef":                func(c *v1beta1.Canary) { c.Spec.TargetRef.APIVersion = "v1" },
		"spec.analysis.mirror":          func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true },
		"spec.analysis.match":           func(c *v1beta1.Canary) { c.Spec.Analysis.Match = make([]v1beta1.HTTPMatchRequest, 1) },
		"spec.analysis.sessionAffinity": func(c *v1beta1.Canary) { c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{} },
	} {
		c := routingtest.Canary(t, manifest)
		edit(c)
		errs := provider.Check(c)
		if (path == "") != (len(errs) == 0) || (len(errs) > 0 && errs[0].Field != path) {
			t.Errorf("%q: %v", path, errs)
		}
	}
	if objects, err := provider.Release(routingtest.Canary(t, manifest), nil); err != nil || len(objects) > 0 {
		t.Errorf("released: %v, %v", objects, err)
	}
}
