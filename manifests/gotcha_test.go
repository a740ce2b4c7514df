package manifests

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// roles are the Roles and ClusterRoles of the agent, by file and name.
func roles(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	out := map[string][]rbacv1.PolicyRule{}
	each(t, func(file, kind string, doc []byte) {
		if kind != "Role" && kind != "ClusterRole" {
			return
		}
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(doc, &role); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[file+" "+role.Name] = role.Rules
	})
	if len(out) < 6 {
		t.Fatalf("only %d roles were found", len(out))
	}
	return out
}

// each hands over every document of the agent's manifests.
func each(t *testing.T, do func(file, kind string, doc []byte)) {
	t.Helper()
	err := fs.WalkDir(files, "agent", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		reader := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(content)))
		defer reader.Close()
		buffer := make([]byte, len(content)+1)
		for {
			n, err := reader.Read(buffer)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			doc := slices.Clone(buffer[:n])
			var head struct {
				Kind string `json:"kind"`
			}
			if err := yaml.Unmarshal(doc, &head); err != nil {
				return err
			}
			do(path, head.Kind, doc)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGotchaC3FewRights proves that the agent may do nothing to everything, may write Secrets only for the
// feature that needs it, which is a file that can be left out, and may delete nothing of the user's.
func TestGotchaC3FewRights(t *testing.T) {
	reads := []string{"get", "list", "watch"}
	for role, rules := range roles(t) {
		for _, rule := range rules {
			for _, list := range [][]string{rule.Verbs, rule.Resources, rule.APIGroups} {
				if slices.Contains(list, "*") {
					t.Errorf("%s: %v has a wildcard", role, rule)
				}
			}
			if len(rule.NonResourceURLs) > 0 {
				t.Errorf("%s: %v", role, rule)
			}
			for _, verb := range rule.Verbs {
				if slices.Contains([]string{"impersonate", "escalate", "bind", "deletecollection"}, verb) {
					t.Errorf("%s: may %s %v", role, verb, rule.Resources)
				}
				if slices.Contains(rule.Resources, "secrets") && !strings.HasPrefix(role, "agent/features/config-tracking.yaml ") && verb != "get" {
					t.Errorf("%s: may %s secrets; only config tracking has to", role, verb)
				}
				if slices.Contains(rule.Resources, "secrets") && verb == "delete" {
					t.Errorf("%s: may delete secrets", role)
				}
				for _, resource := range rule.Resources {
					switch resource {
					case "deployments", "daemonsets", "services", "configmaps", "canaries", "horizontalpodautoscalers", "scaledobjects":
						if verb == "delete" {
							t.Errorf("%s: may delete %s", role, resource)
						}
					case "pods", "replicasets", "controllerrevisions", "metrictemplates", "alertproviders", "gateways", "gatewayclasses":
						if !slices.Contains(reads, verb) {
							t.Errorf("%s: may %s %s", role, verb, resource)
						}
					case "roles", "clusterroles", "rolebindings", "clusterrolebindings", "serviceaccounts", "nodes", "pods/exec", "tokenreviews", "serviceaccounts/token":
						t.Errorf("%s: may %s %s", role, verb, resource)
					}
				}
			}
		}
	}
}

// TestGotchaC3RoutingRightsAreSeparate proves that the rights for each traffic provider are in a file of
// its own, and cover one API group.
func TestGotchaC3RoutingRightsAreSeparate(t *testing.T) {
	for role, rules := range roles(t) {
		groups := map[string]bool{}
		for _, rule := range rules {
			for _, group := range rule.APIGroups {
				groups[group] = true
			}
		}
		if provider := strings.HasPrefix(role, "agent/providers/"); provider && (len(groups) != 1 || groups[""] || groups["apps"]) {
			t.Errorf("%s: groups %v", role, groups)
		}
		if strings.HasPrefix(role, "agent/clusterrole.yaml ") {
			for group := range groups {
				if !slices.Contains([]string{"", "apps", "flagger.app"}, group) {
					t.Errorf("%s: group %s", role, group)
				}
			}
		}
	}
}

// TestGotchaC3LeaseRightsAreLocal proves that the agent may touch the leases of its own namespace alone,
// and of those only its own.
func TestGotchaC3LeaseRightsAreLocal(t *testing.T) {
	found := false
	for role, rules := range roles(t) {
		for _, rule := range rules {
			if !slices.Contains(rule.Resources, "leases") {
				continue
			}
			found = true
			if !strings.HasPrefix(role, "agent/leader-election.yaml ") {
				t.Errorf("%s has rights on leases", role)
			}
			if len(rule.ResourceNames) == 0 && !slices.Equal(rule.Verbs, []string{"create"}) {
				t.Errorf("%s: may %v any lease", role, rule.Verbs)
			}
		}
	}
	each(t, func(file, kind string, doc []byte) {
		if strings.HasSuffix(file, "leader-election.yaml") && strings.HasPrefix(kind, "Cluster") {
			t.Errorf("%s: %s", file, kind)
		}
	})
	if !found {
		t.Error("nobody has rights on leases")
	}
}

// TestGotchaH9TheLeaseIsUsed proves that nothing in the shipped Deployment takes the election away, and
// that each pod has a name of its own for it.
func TestGotchaH9TheLeaseIsUsed(t *testing.T) {
	d := deployment(t)
	c := d.Spec.Template.Spec.Containers[0]
	for _, arg := range c.Args {
		if strings.Contains(arg, "enable-leader-election") && !strings.HasSuffix(arg, "=true") {
			t.Errorf("the election is off: %s", arg)
		}
	}
	if !slices.Contains(c.Args, "--leader-election-namespace=$(POD_NAMESPACE)") {
		t.Errorf("the lease is not where the rights are: %v", c.Args)
	}
	fields := map[string]string{}
	for _, env := range c.Env {
		if env.ValueFrom != nil && env.ValueFrom.FieldRef != nil {
			fields[env.Name] = env.ValueFrom.FieldRef.FieldPath
		}
	}
	if fields["POD_NAME"] != "metadata.name" || fields["POD_NAMESPACE"] != "metadata.namespace" {
		t.Errorf("the environment has %v", fields)
	}
}

// TestGotchaH4ProbesAreTheRightOnes proves that the kubelet asks each question where it is answered: an
// agent that waits for its caches must not be restarted for that.
func TestGotchaH4ProbesAreTheRightOnes(t *testing.T) {
	c := deployment(t).Spec.Template.Spec.Containers[0]
	if c.LivenessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("probes %+v, %+v", c.LivenessProbe, c.ReadinessProbe)
	}
}

// TestGotchaC1ReferencesAreBlockedByDefault proves that the shipped agent refuses references to other
// namespaces unless somebody takes that argument away.
func TestGotchaC1ReferencesAreBlockedByDefault(t *testing.T) {
	args := deployment(t).Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(args, "--no-cross-namespace-refs=true") {
		t.Errorf("arguments %v", args)
	}
}

func deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	var d appsv1.Deployment
	each(t, func(file, kind string, doc []byte) {
		if kind != "Deployment" {
			return
		}
		if err := yaml.UnmarshalStrict(doc, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	})
	if len(d.Spec.Template.Spec.Containers) != 1 {
		t.Fatal("the agent has no Deployment of one container")
	}
	return &d
}
