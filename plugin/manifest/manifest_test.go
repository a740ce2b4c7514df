package manifest

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func render(t *testing.T, s Settings) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Render(s)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func find(objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	return nil
}

func names(objects []*unstructured.Unstructured, kind string) []string {
	var out []string
	for _, o := range objects {
		if o.GetKind() == kind {
			out = append(out, o.GetName())
		}
	}
	return out
}

func deploymentOf(t *testing.T, objects []*unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	o := find(objects, "Deployment", AgentName)
	if o == nil {
		t.Fatal("there is no Deployment")
	}
	d := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, d, true); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRenderDefault has everything, in an order in which it can be applied, and marked as ours.
func TestRenderDefault(t *testing.T) {
	s := Default("", false)
	s.Version = "v1.2.3+abc"
	objects := render(t, s)
	last := -1
	for _, o := range objects {
		if rank(o) < 0 {
			t.Errorf("%s %s: this kind has no place in the order", o.GetKind(), o.GetName())
		}
		if rank(o) < last {
			t.Errorf("%s %s comes too late", o.GetKind(), o.GetName())
		}
		last = rank(o)
		if o.GetLabels()[PartOfLabel] != PartOf {
			t.Errorf("%s %s has labels %v", o.GetKind(), o.GetName(), o.GetLabels())
		}
		if ns := o.GetNamespace(); ns != "" && ns != DefaultNamespace {
			t.Errorf("%s %s is in namespace %s", o.GetKind(), o.GetName(), ns)
		}
	}
	if d := deploymentOf(t, objects); d.Labels[VersionLabel] != "v1.2.3_abc" || Version(find(objects, "Deployment", AgentName)) != "v1.2.3+abc" {
		t.Errorf("labels %v", d.Labels)
	}
	for kind, want := range map[string]int{"CustomResourceDefinition": 3, "Namespace": 1, "ClusterRoleBinding": 1, "ValidatingAdmissionPolicy": 1} {
		if have := names(objects, kind); len(have) != want {
			t.Errorf("%d %s, want %d: %v", len(have), kind, want, have)
		}
	}
	for _, role := range []string{"canary-agent-core", "canary-agent-provider-traefik", "canary-agent-config-tracking", "canary-viewer", "canary-operator", "canary-approver"} {
		if find(objects, "ClusterRole", role) == nil {
			t.Errorf("there is no clusterrole %s", role)
		}
	}
}

func TestRenderNamespace(t *testing.T) {
	for _, o := range render(t, Default("ops", false)) {
		if ns := o.GetNamespace(); ns != "" && ns != "ops" || o.GetKind() == "Namespace" && o.GetName() != "ops" {
			t.Errorf("%s %s/%s", o.GetKind(), ns, o.GetName())
		}
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, s := range subjects {
			if have := s.(map[string]any)["namespace"]; have != "ops" {
				t.Errorf("%s %s binds an account of %v", o.GetKind(), o.GetName(), have)
			}
		}
	}
}

func TestRenderSettings(t *testing.T) {
	replicas := int64(2)
	s := Settings{
		Image: "example.com/agent:v1", Replicas: &replicas, Providers: []string{"traefik"}, Features: []string{FeatureAutoscaling},
		Args: []string{"--metrics-server=http://p:9090", "-log-level", "debug"},
	}
	objects := render(t, s)
	d := deploymentOf(t, objects)
	c := d.Spec.Template.Spec.Containers[0]
	if *d.Spec.Replicas != 2 || c.Image != "example.com/agent:v1" {
		t.Errorf("%d replicas of %s", *d.Spec.Replicas, c.Image)
	}
	want := "--leader-election-namespace=$(POD_NAMESPACE) --no-cross-namespace-refs=true -log-level debug --port=8080 --metrics-server=http://p:9090 --enable-config-tracking=false"
	if have := strings.Join(c.Args, " "); have != want {
		t.Errorf("arguments\n%s, want\n%s", have, want)
	}
	if have := names(objects, "ClusterRole"); !slices.Equal(have, []string{"canary-agent", "canary-agent-core", "canary-agent-autoscaling", "canary-agent-provider-traefik"}) {
		t.Errorf("clusterroles %v", have)
	}
	for _, kind := range []string{"CustomResourceDefinition", "ValidatingAdmissionPolicy"} {
		if have := names(objects, kind); len(have) > 0 {
			t.Errorf("%s %v", kind, have)
		}
	}
}

// TestGotchaC3OneNamespaceNeedsNoClusterRole proves that an installation for one namespace has nothing
// that concerns the cluster, and a Role with the same rights as the ClusterRoles have together.
func TestGotchaC3OneNamespaceNeedsNoClusterRole(t *testing.T) {
	s := Default("shop", true)
	s.CRDs = false
	objects := render(t, s)
	for _, o := range objects {
		if o.GetNamespace() != "shop" {
			t.Errorf("%s %s is in namespace %q", o.GetKind(), o.GetName(), o.GetNamespace())
		}
	}
	role := find(objects, "Role", AgentName)
	if role == nil {
		t.Fatal("there is no Role")
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(role.Object, &rbacv1.Role{}, true); err != nil {
		t.Fatal(err)
	}
	have, want := granted(rulesOf(role)), map[right]bool{}
	all, err := agent()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		if o.GetKind() == "ClusterRole" {
			for r := range granted(rulesOf(o)) {
				want[r] = true
			}
		}
	}
	delete(want, right{"gateway.networking.k8s.io", "gatewayclasses", "get"})
	for r := range want {
		if !have[r] {
			t.Errorf("the Role does not give %v", r)
		}
	}
	if len(have) != len(want) {
		t.Errorf("the Role gives %d rights, the ClusterRoles %d", len(have), len(want))
	}
	if args := deploymentOf(t, objects).Spec.Template.Spec.Containers[0].Args; args[len(args)-1] != "--namespace=shop" {
		t.Errorf("arguments %v", args)
	}
}

// TestLive reads back the settings that something was rendered from.
func TestLive(t *testing.T) {
	replicas := int64(3)
	for name, s := range map[string]Settings{
		"all":    Default("ops", false),
		"scoped": Default("shop", true),
		"some": {
			Namespace: "ops", Image: "example.com/agent:v1", Replicas: &replicas, Providers: []string{"gatewayapi", "kubernetes"},
			Features: []string{FeaturePolicy}, Args: []string{"--log-level=debug"}, Version: "v1.2.3",
			Resources: map[string]any{"limits": map[string]any{"memory": "1Gi"}},
		},
		"scoped, some": {Namespace: "shop", Scoped: true, Providers: []string{"kubernetes", "traefik"}, Features: []string{FeatureConfigTracking}},
	} {
		t.Run(name, func(t *testing.T) {
			s.CRDs = true
			first := render(t, s)
			live := Live{Deployment: find(first, "Deployment", AgentName), Policy: len(names(first, "ValidatingAdmissionPolicy")) > 0}
			for _, o := range first {
				if o.GetKind() == "ClusterRole" || o.GetKind() == "Role" && o.GetName() == AgentName {
					live.Roles = append(live.Roles, o)
				}
			}
			read, err := live.Settings()
			if err != nil {
				t.Fatal(err)
			}
			second := render(t, read)
			if len(first) != len(second) {
				t.Fatalf("%d objects, then %d", len(first), len(second))
			}
			for i := range first {
				a, _ := first[i].MarshalJSON()
				b, _ := second[i].MarshalJSON()
				if string(a) != string(b) {
					t.Errorf("%s %s differs:\n%s\n%s", first[i].GetKind(), first[i].GetName(), a, b)
				}
			}
		})
	}
}

func TestValidate(t *testing.T) {
	minus := int64(-1)
	for want, s := range map[string]Settings{
		"no provider":        {Providers: []string{"istio"}},
		"no feature":         {Features: []string{"magic"}},
		"the whole cluster":  {Scoped: true, Features: []string{FeatureRoles}},
		"must not be":        {Replicas: &minus},
		"not a flag":         {Args: []string{"log-level=debug"}},
		"--namespace-scoped": {Args: []string{"-namespace=x"}},
		"its own namespace":  {Args: []string{"--leader-election-namespace=x"}},
		"--without":          {Args: []string{"--enable-config-tracking=false"}},
	} {
		if _, err := Render(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}

func TestOverlay(t *testing.T) {
	for _, c := range []struct{ args, over, want string }{
		{"--a=1 --b=2", "", "--a=1 --b=2"},
		{"--a=1 --b=2", "-a=3", "-a=3 --b=2"},
		{"--a 1 --b", "--c=4 --a=5", "--a=5 --b --c=4"},
		{"", "--c --d=1", "--c --d=1"},
	} {
		if have := strings.Join(Overlay(strings.Fields(c.args), strings.Fields(c.over)), " "); have != c.want {
			t.Errorf("%s over %s: %s, want %s", c.over, c.args, have, c.want)
		}
	}
}

func TestRetag(t *testing.T) {
	for _, c := range []struct {
		image, to, want string
		ok              bool
	}{
		{"example.com/agent:v1.2.3", "v1.3.0", "example.com/agent:v1.3.0", true},
		{"example.com:5000/agent:1.2.3", "v1.3.0", "example.com:5000/agent:1.3.0", true},
		{"example.com:5000/agent", "v1.3.0", "example.com:5000/agent", false},
		{"canary-agent", "v1.3.0", "canary-agent", false},
		{"agent:latest", "v1.3.0", "agent:latest", false},
		{"agent:v1.2.3@sha256:abc", "v1.3.0", "agent:v1.2.3@sha256:abc", false},
		{"agent:v1.2.3", "dev", "agent:v1.2.3", false},
	} {
		if have, ok := Retag(c.image, c.to); have != c.want || ok != c.ok {
			t.Errorf("%s to %s: %s, %t", c.image, c.to, have, ok)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b              string
		older, comparable bool
	}{
		{"v1.2.3", "v1.3.0", true, true}, {"v1.3.0", "v1.2.3", false, true}, {"v1.3.0-rc.1", "v1.3.0", true, true},
		{"dev", "v1.0.0", false, false}, {"v1.0.0", "", false, false},
	} {
		if older, ok := Older(c.a, c.b); older != c.older || ok != c.comparable {
			t.Errorf("%s before %s: %t, %t", c.a, c.b, older, ok)
		}
	}
}

func TestScope(t *testing.T) {
	d := find(render(t, Default("shop", true)), "Deployment", AgentName)
	if have := Scope(d); have != "shop" {
		t.Errorf("scope %q", have)
	}
	container, err := containerOf(d)
	if err != nil {
		t.Fatal(err)
	}
	container["args"] = []any{"--namespace", "$(POD_NAMESPACE)"}
	if have := Scope(d); have != "shop" {
		t.Errorf("scope %q", have)
	}
}

// TestAggregated compares rights, not rules: the cluster may write them in another way.
func TestAggregated(t *testing.T) {
	objects := render(t, Default("", false))
	for _, name := range []string{AgentName, "canary-operator"} {
		sum := find(objects, "ClusterRole", name).DeepCopy()
		if Aggregated(sum, objects) {
			t.Errorf("%s: nothing was summed up", name)
		}
		var rules []any
		for _, o := range objects {
			if o.GetKind() == "ClusterRole" && (strings.HasPrefix(o.GetName(), "canary-agent-") || strings.HasPrefix(o.GetName(), "canary-api") || strings.HasPrefix(o.GetName(), "canary-work")) {
				rules = append(rules, rulesOf(o)...)
			}
		}
		sum.Object["rules"] = rules
		if !Aggregated(sum, objects) {
			t.Errorf("%s: everything was summed up", name)
		}
	}
}
