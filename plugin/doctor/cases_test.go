package doctor

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

const agent = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: canary-agent, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent, app.kubernetes.io/version: v1.2.0}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: canary-agent}}
  template:
    spec:
      serviceAccountName: canary-agent
      containers: [{name: agent, image: "canary-agent:v1.2.0", args: [--leader-election-namespace=$(POD_NAMESPACE), --metrics-server=http://prometheus.monitoring:9090]}]
status: {readyReplicas: 1}`

const lease = `
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: canary-agent, namespace: canary-system}
spec: {holderIdentity: canary-agent-1, leaseDurationSeconds: 40, renewTime: "2026-08-01T11:59:50.000000Z"}`

const flagger = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: flagger, namespace: istio-system}
spec:
  selector: {matchLabels: {app: flagger}}
  template: {spec: {containers: [{name: flagger, image: "flagger:1.44.0"}]}}
status: {readyReplicas: 1}`

const app = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: shop}
spec:
  provider: gatewayapi:v1
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: app}
  service: {port: 80, gatewayRefs: [{name: gateway}]}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop}
spec: {replicas: 0}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app, namespace: shop}
spec: {scaleTargetRef: {kind: Deployment, name: app}}`

// healthy is a cluster in which everything is as it should be.
func healthy(t *testing.T) *front {
	t.Helper()
	f := newFront(t)
	f.Put(t, agent, lease, app)
	return f
}

func TestHealthy(t *testing.T) {
	f := healthy(t)
	r := f.run(t)
	if r.code != 0 || r.err != "18 ok, 0 warnings, 0 failed, 0 skipped\n" {
		t.Errorf("code %d: %s", r.code, r.err)
	}
	golden(t, "healthy", r.out)
	// One look at everything costs few requests, and lists nothing without a limit or a selector.
	if len(f.paths) > 25 {
		t.Errorf("%d requests: %v", len(f.paths), f.paths)
	}
	for _, request := range f.Requests() {
		if strings.HasPrefix(request, "GET") && !strings.Contains(request, "/proxy/") && strings.HasSuffix(request, "s") && !strings.Contains(request, "limit=") {
			t.Errorf("a list without a limit: %s", request)
		}
	}
	golden(t, "healthy-json", f.run(t, "-o", "json").out)
	golden(t, "healthy-terminal", run(t, f.config, cli.Terminal{Out: true, Color: true}).out)
	if r := f.run(t, "-A", "-o", "jsonpath={.namespace}{.kind} {.apiVersion} {.checks[0].id}"); r.code != 0 || r.out != "DoctorReport kubectl-canary/v1 api-server" {
		t.Errorf("%+v", r)
	}
}

func TestNoCluster(t *testing.T) {
	for name, config := range map[string]string{"none": filepath.Join(t.TempDir(), "none"), "down": ""} {
		if config == "" {
			f := newFront(t)
			config = f.config
			f.answers["/version"] = 401
		}
		r := run(t, config, cli.Terminal{})
		if r.code != 1 || r.err != "0 ok, 0 warnings, 1 failed, 15 skipped\n" {
			t.Errorf("%s: %+v", name, r)
		}
		golden(t, "cluster-"+name, r.out)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"app", "takes no argument"}, {"-o table", "there is no such format"}, {"-o name", "a report has no name"},
	} {
		if r := run(t, "", cli.Terminal{}, strings.Fields(c.args)...); r.code != 2 || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
}

// TestNothing is a cluster without anything of ours.
func TestNothing(t *testing.T) {
	f := newFront(t)
	f.answers["/openapi/v3/apis/flagger.app/v1beta1"] = 404
	delete(f.answers, "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/"+policyName)
	r := f.run(t)
	if r.code != 1 {
		t.Errorf("code %d", r.code)
	}
	golden(t, "nothing", r.out)
}

// TestWithoutRights is a user who may hardly do anything.
func TestWithoutRights(t *testing.T) {
	f := healthy(t)
	f.rules = nil
	f.agentMay = nil
	for _, resource := range []string{"deployments", "leases", "canaries", "pods"} {
		f.Deny("list", resource)
		f.Deny("get", resource)
	}
	f.answers["/openapi/v3/apis/flagger.app/v1beta1"] = 403
	for path := range f.answers {
		if strings.Contains(path, "admissionregistration") {
			f.answers[path] = 403
		}
	}
	r := f.run(t)
	if r.code != 0 {
		t.Errorf("what may not be read is no failure: code %d", r.code)
	}
	golden(t, "rights", r.out)
}

// TestSick has what goes wrong, each in a cluster that is healthy otherwise.
func TestSick(t *testing.T) {
	canary := func(name, more string) string {
		return fmt.Sprintf(`
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %s, namespace: shop}
%s`, name, more)
	}
	spec := func(target string) string {
		return "spec: {provider: kubernetes, targetRef: {apiVersion: apps/v1, kind: Deployment, name: " + target + "}, service: {port: 80}, analysis: {interval: 1m, threshold: 1, iterations: 5}}\n"
	}
	prometheus := "/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query"
	for name, c := range map[string]struct {
		change func(t *testing.T, f *front)
		code   int
		want   []string
	}{
		"old Kubernetes": {func(_ *testing.T, f *front) { f.answers["/version"] = `{"gitVersion": "v1.27.3-eks"}` }, 1,
			[]string{"FAIL  API server: Kubernetes v1.27.3-eks", "The CRDs need Kubernetes 1.29.0 or later."}},
		"before the policy": {func(_ *testing.T, f *front) { f.answers["/version"] = `{"gitVersion": "v1.29.3"}` }, 0, []string{"WARN  API server"}},
		"no API server":     {func(_ *testing.T, f *front) { f.answers["/version"] = `<html>` }, 1, []string{"is no API server"}},
		"other CRDs": {func(t *testing.T, f *front) {
			f.answers["/openapi/v3/apis/flagger.app/v1beta1"] = openAPI(t, func(kind string, schema map[string]any) {
				if kind == "Canary" {
					properties := schema["properties"].(map[string]any)
					delete(properties["status"].(map[string]any)["properties"].(map[string]any), "run")
					delete(properties["spec"].(map[string]any)["properties"].(map[string]any)["analysis"].(map[string]any)["properties"].(map[string]any), "gates")
				}
			})
		}, 0, []string{"WARN  CRDs: of another controller, or older than this plugin: 2 fields missing (Canary spec.analysis.gates, Canary status.run);"}},
		"a CRD is missing": {func(t *testing.T, f *front) {
			f.answers["/openapi/v3/apis/flagger.app/v1beta1"] = openAPI(t, func(kind string, schema map[string]any) {
				if kind == "AlertProvider" {
					delete(schema, "x-kubernetes-group-version-kind")
				}
			})
		}, 1, []string{"FAIL  CRDs: not installed: AlertProvider"}},
		"image": {func(t *testing.T, f *front) {
			f.Put(t, strings.Replace(agent, "status: {readyReplicas: 1}", "", 1), `
apiVersion: v1
kind: Pod
metadata: {name: canary-agent-1, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent}}
status: {containerStatuses: [{name: agent, image: "canary-agent:v1.2.0", state: {waiting: {reason: ImagePullBackOff, message: "\e[31mno"}}}]}`)
		}, 1, []string{"FAIL  Agent: canary-system/canary-agent v1.2.0, 0 of 1 ready", "container agent of pod canary-agent-1 cannot pull image canary-agent:v1.2.0"}},
		"crash": {func(t *testing.T, f *front) {
			f.Put(t, strings.Replace(agent, "status: {readyReplicas: 1}", "", 1), `
apiVersion: v1
kind: Pod
metadata: {name: canary-agent-1, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent}}
status: {containerStatuses: [{name: agent, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}]}`)
		}, 1, []string{"container agent of pod canary-agent-1: CrashLoopBackOff, last exit code 2; see kubectl logs -p -n canary-system canary-agent-1"}},
		"scaled down": {func(t *testing.T, f *front) { f.Put(t, strings.Replace(agent, "spec:\n", "spec:\n  replicas: 0\n", 1)) }, 1,
			[]string{"FAIL  Agent: canary-system/canary-agent is scaled to zero", "kubectl scale deployment/canary-agent -n canary-system --replicas=1"}},
		"older": {func(t *testing.T, f *front) { f.Put(t, strings.ReplaceAll(agent, "v1.2.0", "v1.1.9")) }, 0,
			[]string{"WARN  Version of the agent: canary-system/canary-agent is v1.1.9, older than the plugin, v1.2.3"}},
		"newer": {func(t *testing.T, f *front) { f.Put(t, strings.ReplaceAll(agent, "v1.2.0", "v2.0.0")) }, 0, []string{"kubectl krew upgrade canary"}},
		"lease": {func(t *testing.T, f *front) { f.Put(t, strings.Replace(lease, "11:59:50", "11:50:00", 1)) }, 1,
			[]string{"FAIL  Lease of the agent: canary-agent-1 has not renewed canary-system/canary-agent for 10m0s"}},
		"lease released": {func(t *testing.T, f *front) { f.Put(t, strings.Replace(lease, "canary-agent-1", `""`, 1)) }, 1, []string{"nobody holds canary-system/canary-agent"}},
		"without lease": {func(t *testing.T, f *front) {
			f.Put(t, strings.Replace(strings.Replace(agent, "spec:\n", "spec:\n  replicas: 2\n", 1), "args: [", "args: [-enable-leader-election=false, ", 1))
		}, 1, []string{"has 2 replicas that all act"}},
		"two agents": {func(t *testing.T, f *front) {
			f.Put(t, strings.ReplaceAll(agent, "canary-system", "other"), strings.ReplaceAll(lease, "canary-system", "other"))
		}, 1, []string{"FAIL  One agent for each canary: canary-system/canary-agent (all namespaces) and other/canary-agent (all namespaces) both act"}},
		"flagger": {func(t *testing.T, f *front) { f.Put(t, flagger) }, 1,
			[]string{"FAIL  Other controllers: Flagger istio-system/flagger (1.44.0) runs besides the agent", "kubectl scale deployment/flagger -n istio-system --replicas=0"}},
		"only flagger": {func(t *testing.T, f *front) {
			f.Put(t, flagger)
			f.Delete("/apis/apps/v1/namespaces/canary-system/deployments/canary-agent")
		}, 1, []string{"FAIL  Metrics server http://prometheus:9090: there is no Service prometheus in namespace istio-system", "skip  Agent: none is installed; Flagger looks after the canaries", "WARN  Other controllers: Flagger istio-system/flagger (1.44.0) looks after the canaries"}},
		"rights": {func(_ *testing.T, f *front) {
			f.rules = []any{
				map[string]any{"verbs": []string{"get", "list", "watch"}, "apiGroups": []string{"flagger.app"}, "resources": []string{"*"}},
				map[string]any{"verbs": []string{"patch", "promote"}, "apiGroups": []string{"flagger.app"}, "resources": []string{"canaries"}, "resourceNames": []string{"app"}},
			}
		}, 0, []string{
			"WARN  Your rights to look in namespace shop: missing: list pods, list events, get pods/log",
			"WARN  Your rights to act in namespace shop: missing: abort, pause, resume, retry, rollback", "ClusterRole canary-operator gives them",
			"WARN  Your rights to approve in namespace shop: missing: approve, reject",
		}},
		"binding": {func(_ *testing.T, f *front) {
			f.answers["/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/"+policyName] = `{"kind": "x", "apiVersion": "v1", "spec": {"validationActions": ["Audit"]}}`
		}, 0, []string{"WARN  Admission policy: binding kubectl-canary-operator-verbs does not deny (validationActions Audit)"}},
		"stalled": {func(t *testing.T, f *front) {
			f.Put(t, canary("bad", spec("bad")+"status: {conditions: [{type: Stalled, status: 'True', reason: InvalidSpec, message: \"spec.x: \\e[2J\"}]}"),
				canary("lost", spec("app2")+"status: {conditions: [{type: Stalled, status: 'True', reason: Failed, message: x}, {type: RouteDrift, status: 'True', message: 'by kubectl-edit'}]}"),
				canary("broken", "spec: {targetRef: [1]}"))
		}, 1, []string{"the agent cannot read shop/broken", "FAIL  Canaries: shop/bad stands still, InvalidSpec: spec.x: ^[[2J", "WARN  Canaries: the last run failed of shop/lost",
			"FAIL  Targets: Deployment bad of canary shop/bad does not exist", "WARN  Routes: that of shop/lost is written by somebody else"}},
		"shared": {func(t *testing.T, f *front) { f.Put(t, canary("bpp", spec("app"))) }, 1,
			[]string{"FAIL  Targets: Deployment app is the target of shop/app and of shop/bpp", "WARN  Autoscalers: shop/bpp: HorizontalPodAutoscaler app scales the target, but not the primary"}},
		"no HPA": {func(_ *testing.T, f *front) {
			f.Delete("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/app")
		}, 1,
			[]string{"FAIL  Autoscalers: shop/app: HorizontalPodAutoscaler app of spec.autoscalerRef does not exist"}},
		"other HPA": {func(t *testing.T, f *front) {
			f.Put(t, "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: app, namespace: shop}\nspec: {scaleTargetRef: {kind: Deployment, name: web}}")
		}, 0, []string{"WARN  Autoscalers: shop/app: HorizontalPodAutoscaler app scales web, not the target app"}},
		"no provider": {func(_ *testing.T, f *front) { f.answers["/apis/gateway.networking.k8s.io/v1"] = 404 }, 1,
			[]string{"FAIL  Traffic provider gatewayapi:v1: HTTPRoute of gateway.networking.k8s.io/v1 is not served"}},
		"provider rights": {func(_ *testing.T, f *front) { no := false; f.agentMay = &no }, 1,
			[]string{"but the agent may not write it in namespace shop", "kubectl canary upgrade --provider gatewayapi"}},
		"unserved provider": {func(t *testing.T, f *front) {
			f.Put(t, canary("mesh", strings.Replace(spec("app3"), "kubernetes", "istio", 1)))
		}, 1,
			[]string{"FAIL  Traffic provider istio: is not served by this version of the agent"}},
		"prometheus down": {func(_ *testing.T, f *front) { f.answers[prometheus] = 503 }, 1,
			[]string{"FAIL  Metrics server http://prometheus.monitoring:9090: Service prometheus in namespace monitoring does not answer"}},
		"no Service": {func(_ *testing.T, f *front) {
			f.answers[prometheus] = func(w http.ResponseWriter) {
				status(w, 404, "NotFound", `services "prometheus" not found`, "services")
			}
		}, 0, []string{"WARN  Metrics server http://prometheus.monitoring:9090: there is no Service prometheus in namespace monitoring; it can be a name outside"}},
		"no Service for certain": {func(t *testing.T, f *front) {
			f.Put(t, strings.Replace(agent, "prometheus.monitoring:9090", "prometheus.monitoring.svc:9090", 1))
			f.answers[prometheus] = func(w http.ResponseWriter) {
				status(w, 404, "NotFound", `services "prometheus" not found`, "services")
			}
		}, 1, []string{"FAIL  Metrics server http://prometheus.monitoring.svc:9090: there is no Service prometheus in namespace monitoring: builtin metrics fail"}},
		"another server":       {func(_ *testing.T, f *front) { f.answers[prometheus] = 404 }, 0, []string{"answers with an error; is it a Prometheus? answer 404"}},
		"prometheus forbidden": {func(_ *testing.T, f *front) { f.answers[prometheus] = 403 }, 0, []string{"skip  Metrics server", "get services/proxy in namespace monitoring"}},
		"no prometheus":        {func(_ *testing.T, f *front) { f.answers[prometheus] = `not JSON` }, 0, []string{"WARN  Metrics server", "does not answer as Prometheus does"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(t)
			c.change(t, f)
			r := f.run(t)
			if r.code != c.code {
				t.Errorf("code %d, want %d", r.code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(r.out, want) {
					t.Errorf("no %q in\n%s", want, r.out)
				}
			}
			if strings.ContainsRune(r.out, '\x1b') {
				t.Errorf("an escape sequence came through: %q", r.out)
			}
		})
	}
}

// TestGitOps prints what is to be added for each tool.
func TestGitOps(t *testing.T) {
	f := healthy(t)
	const replicas = `fieldsV1: {"f:spec": {"f:replicas": {}, "f:template": {}}}}`
	workload := func(name, metadata string) string {
		return fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: shop, %s}", name, metadata)
	}
	canary := func(name string) string {
		return strings.ReplaceAll(strings.SplitN(app, "\n---\n", 2)[0], " app", " "+name)
	}
	for _, name := range []string{"flux", "fluxhelm", "helm", "kept", "kubectl", "client"} {
		f.Put(t, canary(name), "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: "+name+", namespace: shop}\nspec: {scaleTargetRef: {kind: Deployment, name: "+name+"}}")
	}
	f.Put(t,
		workload("app", `annotations: {argocd.argoproj.io/tracking-id: "shop:apps/Deployment:shop/app"}, managedFields: [{manager: argocd-controller, operation: Apply, `+replicas+`]`),
		`apiVersion: v1
kind: Service
metadata: {name: app, namespace: shop, annotations: {argocd.argoproj.io/tracking-id: "shop:/Service:shop/app"}, managedFields: [{manager: argocd-controller, fieldsV1: {"f:spec": {"f:selector": {}, "f:ports": {"k:{\"port\":80}": {}}}}}]}`,
		`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: shop, managedFields: [{manager: canary-agent, fieldsV1: {"f:spec": {"f:rules": {}}}}, {manager: argocd-controller, fieldsV1: {"f:spec": {"f:hostnames": {}}}}]}`,
		workload("flux", `labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}, managedFields: [{manager: kustomize-controller, operation: Apply, `+replicas+`]`),
		workload("fluxhelm", `labels: {helm.toolkit.fluxcd.io/name: shop, helm.toolkit.fluxcd.io/namespace: shop}, managedFields: [{manager: helm-controller, operation: Update, `+replicas+`]`),
		workload("helm", `annotations: {meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: shop}, managedFields: [{manager: helm, operation: Update, `+replicas+`]`),
		workload("kept", `annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}, managedFields: [{manager: kustomize-controller, operation: Apply, `+replicas+`]`),
		workload("kubectl", `managedFields: [{manager: kubectl, operation: Update, `+replicas+`]`),
		// The agent's own write has taken the field away, but the manifest still has it.
		workload("client", `labels: {argocd.argoproj.io/instance: other}, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec": {"replicas": 3}}'}, managedFields: [{manager: argocd-controller, operation: Update, fieldsV1: {"f:spec": {"f:template": {}}}}]`),
	)
	r := f.run(t)
	if r.code != 0 {
		t.Errorf("code %d: %s", r.code, r.out)
	}
	at := strings.Index(r.out, "WARN  GitOps tools")
	if at < 0 {
		t.Fatal(r.out)
	}
	golden(t, "gitops", r.out[at:])

	// What the Application ignores already is left out.
	f.Put(t, `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  syncPolicy: {syncOptions: [CreateNamespace=true, RespectIgnoreDifferences=true]}
  ignoreDifferences:
  - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
  - {kind: Service, name: app, managedFieldsManagers: [canary-agent]}`, `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: other, namespace: argocd}
spec: {ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]}`)
	if r := f.run(t); strings.Contains(r.out, "Application shop") || !strings.Contains(r.out, "Application other") {
		t.Errorf("%s", r.out)
	}
}

// TestGitOpsUndone is about a tool whose write the agent has undone: nothing shows it but the times.
func TestGitOpsUndone(t *testing.T) {
	const object = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: shop
  managedFields:
  - {manager: argocd-controller, operation: Apply, time: "2026-08-01T11:%s:00Z", fieldsV1: {"f:spec": {"f:template": {}}}}
  - {manager: canary-agent, operation: Update, time: "2026-08-01T11:%s:01Z", fieldsV1: {"f:spec": {"f:replicas": {}}}}`
	for name, c := range map[string]struct {
		tool, agent, phase string
		want               bool
	}{
		"undone while idle":        {"40", "40", "Succeeded", true},
		"a run has followed":       {"20", "25", "Succeeded", false},
		"a run is under way":       {"40", "40", "Progressing", false},
		"something else was added": {"40", "35", "Succeeded", false},
	} {
		f := healthy(t)
		f.Put(t, strings.SplitN(app, "\n---\n", 2)[0]+"\nstatus: {phase: "+c.phase+`, lastTransitionTime: "2026-08-01T11:30:00Z"}`, fmt.Sprintf(object, c.tool, c.agent))
		if r := f.run(t); strings.Contains(r.out, "writes /spec/replicas of Deployment shop/app") != c.want {
			t.Errorf("%s: %s", name, r.out)
		}
	}
}

// TestMany is a large installation: the number of requests is bounded.
func TestMany(t *testing.T) {
	f := healthy(t)
	for i := range 200 {
		f.Put(t, fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: c%03d, namespace: shop}
spec: {provider: kubernetes, targetRef: {apiVersion: apps/v1, kind: Deployment, name: c%03[1]d}, service: {port: 80}, analysis: {interval: 1m, threshold: 1, iterations: 5}}`, i),
			fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: c%03d, namespace: shop}", i))
	}
	r := f.run(t)
	if r.code != 0 || !strings.Contains(r.out, "201 canaries in namespace shop") || !strings.Contains(r.out, "(the first 50 of 201; choose a namespace with -n)") {
		t.Errorf("%d: %s", r.code, r.out)
	}
	if gets := len(f.paths); gets > 3*lookLimit+25 {
		t.Errorf("%d requests", gets)
	}
	if slices.ContainsFunc(f.Requests(), func(r string) bool { return strings.Contains(r, "/deployments/c199") }) {
		t.Error("the last one was read")
	}
}

func TestServiceOf(t *testing.T) {
	for host, want := range map[string]string{
		"prometheus": "prometheus/here true", "prometheus.monitoring": "prometheus/monitoring false",
		"prometheus.monitoring.svc": "prometheus/monitoring true", "prometheus.monitoring.svc.cluster.local.": "prometheus/monitoring true",
		"metrics.example.com": "/ false", "localhost": "/ false", "10.0.0.1": "/ false",
	} {
		name, namespace, certain := serviceOf(host, "here")
		if have := fmt.Sprintf("%s/%s %t", name, namespace, certain); have != want {
			t.Errorf("%s: %s, want %s", host, have, want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	f := healthy(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.OnGet = func(string) { cancel() }
	t.Setenv("KUBECONFIG", f.config)
	o := &Options{Deps: cli.Deps{Streams: genericiooptions.NewTestIOStreamsDiscard(), Cluster: &cluster.Access{}, Now: time.Now}, Namespace: "shop"}
	if err := o.Run(ctx); cli.CodeOf(err) != cli.CodeInterrupted || cli.Message(err) != "" {
		t.Errorf("%v", err)
	}
}
