package installer

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRefuse goes through who else may be there.
func TestRefuse(t *testing.T) {
	type list = []controllers.Controller
	everywhere := list{{Namespace: "canary-system", Name: manifest.AgentName}}
	shop := list{{Namespace: "shop", Name: manifest.AgentName, Scope: "shop"}}
	flagger := list{{Namespace: "flagger-system", Name: "flagger", Replicas: 1}}
	flaggerOfOps := list{{Namespace: "flagger-system", Name: "flagger", Replicas: 1, Scope: "ops"}}
	for _, c := range []struct {
		name           string
		agents, rivals list
		settings       manifest.Settings
		want           string
	}{
		{"nobody", nil, nil, manifest.Settings{Namespace: "canary-system"}, ""},
		{"the same", everywhere, nil, manifest.Settings{Namespace: "canary-system"}, ""},
		{"elsewhere", everywhere, nil, manifest.Settings{Namespace: "ops"}, "kubectl canary upgrade -n canary-system"},
		{"one namespace beside all", everywhere, nil, manifest.Settings{Namespace: "shop", Scoped: true}, "kubectl canary upgrade -n canary-system"},
		{"all beside one namespace", shop, nil, manifest.Settings{Namespace: "canary-system"}, `those of namespace "shop"`},
		{"two namespaces", shop, nil, manifest.Settings{Namespace: "ops", Scoped: true}, ""},
		{"another scope", everywhere, nil, manifest.Settings{Namespace: "canary-system", Scoped: true}, "uninstall -n canary-system"},
		{"a scope elsewhere", list{{Namespace: "ops", Name: manifest.AgentName, Scope: "shop"}}, nil,
			manifest.Settings{Namespace: "ops", Scoped: true}, `looks after namespace "shop"`},
		{"another name", list{{Namespace: "ops", Name: "my-agent"}}, nil, manifest.Settings{Namespace: "ops"}, "another name"},
		{"rival that waits", nil, flagger, manifest.Settings{Namespace: "canary-system"}, ""},
		{"rival that cannot be seen", nil, flagger, manifest.Settings{Namespace: "shop", Scoped: true}, "cannot see it"},
		{"rival of another namespace", nil, flaggerOfOps, manifest.Settings{Namespace: "shop", Scoped: true}, ""},
	} {
		err := Survey{Agents: c.agents, Rivals: c.rivals}.Refuse(c.settings)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestChanged(t *testing.T) {
	before := object(t, `{kind: Role, metadata: {name: x, resourceVersion: "1"}, rules: [{verbs: [get]}], status: {a: 1}}`)
	same := object(t, `{kind: Role, metadata: {name: x, resourceVersion: "2", generation: 2}, rules: [{verbs: [get]}], status: {a: 2}}`)
	other := object(t, `{kind: Role, metadata: {name: x, resourceVersion: "2"}, rules: [{verbs: [list]}]}`)
	for want, have := range map[string]string{
		"created": changed(nil, same), "unchanged": changed(before, same), "configured": changed(before, other),
	} {
		if have != want {
			t.Errorf("%s, want %s", have, want)
		}
	}
}

func TestConflicting(t *testing.T) {
	err := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "helm" using apiextensions.k8s.io/v1`, Field: ".spec.versions"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "helm"`, Field: ".spec.names"},
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "kubectl"`, Field: ".spec.scope"},
	}, "conflicts")
	if have := conflicting(err); strings.Join(have, " ") != "helm kubectl" {
		t.Errorf("managers %v", have)
	}
	if have := conflicting(apierrors.NewConflict(kinds["Role"].GroupResource(), "x", errors.New("changed"))); have != nil {
		t.Errorf("a lost race has managers %v", have)
	}
}

// TestCRDsAreNeverDowngraded proves that an older plugin leaves newer definitions alone.
func TestCRDsAreNeverDowngraded(t *testing.T) {
	crd := func(version string) *unstructured.Unstructured {
		return object(t, `{kind: CustomResourceDefinition, metadata: {name: x, labels: {app.kubernetes.io/part-of: kubectl-canary, app.kubernetes.io/version: `+version+`}}}`)
	}
	for _, c := range []struct {
		before, now string
		want        bool
	}{{"v1.3.0", "v1.2.0", true}, {"v1.2.0", "v1.3.0", false}, {"v1.2.0", "v1.2.0", false}, {"dev", "v1.2.0", false}} {
		if have := newer(crd(c.before), crd(c.now)); have != c.want {
			t.Errorf("%s, then %s: %t", c.before, c.now, have)
		}
	}
	if newer(nil, crd("v1.0.0")) {
		t.Error("what is not there is not newer")
	}
}

func TestRolledOut(t *testing.T) {
	for want, status := range map[string]string{
		"":                    "{observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2}",
		"has not been":        "{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2}",
		"1 of 2 pods are of":  "{observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 2}",
		"former version":      "{observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 3}",
		"1 of 2 pods are rea": "{observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 1}",
	} {
		d := object(t, "{metadata: {generation: 2}, spec: {replicas: 2}, status: "+status+"}")
		done, why := rolledOut(d)
		if done != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%s: %t, %q", status, done, why)
		}
	}
}

// TestUntil ends by the deadline with the code for it and the last reason, and by an interrupt with
// that.
func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Until(ctx, "rain", func(context.Context) (bool, string, error) { return false, "the sky is blue", nil })
		if cli.CodeOf(err) != cli.CodeTimeout || !strings.Contains(err.Error(), "rain: the sky is blue") {
			t.Errorf("%v", err)
		}
		looks := 0
		err = Until(t.Context(), "rain", func(context.Context) (bool, string, error) {
			looks++
			return looks == 3, "", errors.New("passing")
		})
		if err != nil || looks != 3 {
			t.Errorf("%v after %d looks", err, looks)
		}
		interrupted, stop := context.WithCancel(t.Context())
		stop()
		err = Until(interrupted, "rain", func(context.Context) (bool, string, error) { return false, "", nil })
		if cli.CodeOf(err) != cli.CodeInterrupted {
			t.Errorf("%v", err)
		}
	})
}

// TestOwnedByOthersIsAsked proves that fields of others are named, and that a no on the terminal ends it.
func TestOwnedByOthersIsAsked(t *testing.T) {
	crd := object(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: canaries.flagger.app}}`)
	for answer, want := range map[string]bool{"y\n": true, "\n": false} {
		var said bytes.Buffer
		s := &Session{Deps: cli.Deps{
			Streams:  genericiooptions.IOStreams{In: strings.NewReader(answer), ErrOut: &said, Out: &bytes.Buffer{}},
			Terminal: cli.Terminal{In: true}, Cluster: &cluster.Access{},
		}}
		err := s.takeOver(t.Context(), crd, []string{"helm"})
		if s.force != want || (err == nil) != want || !strings.Contains(said.String(), "customresourcedefinition.apiextensions.k8s.io/canaries.flagger.app has fields that are managed by helm") {
			t.Errorf("answer %q: force %t, %v\n%s", answer, s.force, err, said.String())
		}
	}
}

func TestWhere(t *testing.T) {
	if have := (Canaries{Namespaces: []string{"a", "b", "c", "d"}}).Where(); have != "a, b, c …" {
		t.Error(have)
	}
}
