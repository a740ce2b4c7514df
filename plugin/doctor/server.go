package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/manifests"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// The least versions of Kubernetes: for the rules in the CRDs, and for the admission policy.
var (
	needed    = version.MustParseSemantic("1.29.0")
	forPolicy = version.MustParseSemantic("1.30.0")
)

const notReachable = "the API server cannot be reached"

// apiServer asks for the version, which everybody may.
func (s *session) apiServer(ctx context.Context) []Check {
	const title = "API server"
	if err := s.connect(); err != nil {
		s.down = notReachable
		return []Check{{Status: Fail, Title: title, Detail: err.Error(), Fix: "Choose a cluster with --context, --kubeconfig or KUBECONFIG."}}
	}
	data, err := s.get(ctx, "/version", nil)
	switch {
	case apierrors.IsForbidden(err):
		s.find(ctx)
		return []Check{{Status: OK, Title: title, Detail: s.o.Cluster.Server() + " answers, but does not tell its version"}}
	case err != nil:
		s.down = notReachable
		if ctx.Err() == nil && apierrors.IsUnauthorized(err) {
			s.down = "the API server does not accept your credentials"
		}
		return []Check{{Status: Fail, Title: title, Detail: s.o.Cluster.Explain(err, "ask for the version").Error(),
			Fix: "Try: kubectl version --context " + s.o.Cluster.Context()}}
	}
	var info struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(data, &info); err != nil || info.GitVersion == "" {
		s.down = s.o.Cluster.Server() + " is no API server"
		return []Check{{Status: Fail, Title: title, Detail: s.down, Fix: "Choose a cluster with --context, --kubeconfig or KUBECONFIG."}}
	}
	s.find(ctx)
	c := Check{Status: OK, Title: title, Detail: "Kubernetes " + info.GitVersion + " at " + s.o.Cluster.Server()}
	have, err := version.ParseGeneric(info.GitVersion)
	switch {
	case err != nil:
	case have.LessThan(needed):
		c.Status, c.Fix = Fail, "The CRDs need Kubernetes "+needed.String()+" or later."
	case have.LessThan(forPolicy):
		c.Status, c.Fix = Warn, "The admission policy, which lets RBAC decide who may use which verb, needs Kubernetes "+forPolicy.String()+" or later."
	}
	return []Check{c}
}

// crds compares the schema that the cluster has with that of this plugin. It reads the OpenAPI document
// of the group, which everybody may who may use the API.
func (s *session) crds(ctx context.Context) []Check {
	const title = "CRDs"
	if off := s.offline(title); off != nil {
		return off
	}
	const install = "kubectl canary install"
	data, err := s.get(ctx, "/openapi/v3/apis/"+v1beta1.SchemeGroupVersion.String(), nil)
	switch {
	case apierrors.IsNotFound(err), cluster.IsNoResource(err):
		s.noCRDs = true
		return []Check{{Status: Fail, Title: title, Detail: v1beta1.SchemeGroupVersion.String() + " is not served: the CRDs are not installed", Fix: install}}
	case err != nil:
		return s.unreadable(title, "read the schema of "+v1beta1.SchemeGroupVersion.String(), err)
	}
	live, err := served(data)
	if err != nil {
		return skipped(title, "the schema of %s cannot be read: %v", v1beta1.SchemeGroupVersion, err)
	}
	want, err := embedded()
	if err != nil {
		return skipped(title, "%v", err)
	}
	var missing, kinds []string
	for _, kind := range slices.Sorted(maps.Keys(want)) {
		if live[kind] == nil {
			kinds = append(kinds, kind)
			continue
		}
		for _, path := range lacking(want[kind], live[kind], "") {
			missing = append(missing, kind+" "+path)
		}
	}
	switch {
	case slices.Contains(kinds, "Canary"):
		s.noCRDs = true
		fallthrough
	case len(kinds) > 0:
		return []Check{{Status: Fail, Title: title, Detail: "not installed: " + strings.Join(kinds, ", "), Fix: install}}
	case len(missing) > 0:
		return []Check{{Status: Warn, Title: title, Detail: fmt.Sprintf("of another controller, or older than this plugin: %s missing (%s); the API server drops them, and the agent does nothing without those of the status",
			count(len(missing), "field"), some(missing)), Fix: s.renew()}}
	}
	return []Check{{Status: OK, Title: title, Detail: v1beta1.SchemeGroupVersion.String() + " is served with all fields: " + strings.Join(slices.Sorted(maps.Keys(want)), ", ")}}
}

// renew is the command that brings what is installed to what this plugin has.
func (s *session) renew() string {
	if len(s.of(controllers.Agent)) > 0 {
		return "kubectl canary upgrade"
	}
	return "kubectl canary install"
}

// served reads the schemas out of an OpenAPI document, by kind.
func served(data []byte) (map[string]map[string]any, error) {
	var doc struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	out := map[string]map[string]any{}
	for _, schema := range doc.Components.Schemas {
		kinds, _ := schema["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			gvk, _ := k.(map[string]any)
			kind, _ := gvk["kind"].(string)
			if gvk["group"] == v1beta1.GroupName && gvk["version"] == v1beta1.SchemeGroupVersion.Version {
				out[kind] = schema
			}
		}
	}
	return out, nil
}

// embedded reads the schemas of this plugin, by kind.
func embedded() (map[string]map[string]any, error) {
	docs, err := manifests.CRDs()
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]any{}
	for _, doc := range docs {
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(doc, &crd); err != nil {
			return nil, fmt.Errorf("embedded CRD: %w", err)
		}
		for _, v := range crd.Spec.Versions {
			if v.Name == v1beta1.SchemeGroupVersion.Version {
				out[crd.Spec.Names.Kind] = v.Schema.OpenAPIV3Schema
			}
		}
	}
	return out, nil
}

// lacking lists the fields that a live schema does not have; of an object that is missing as a whole,
// only that.
func lacking(want, live map[string]any, path string) []string {
	var out []string
	if live["x-kubernetes-preserve-unknown-fields"] == true {
		return nil
	}
	properties, _ := want["properties"].(map[string]any)
	have, _ := live["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if path == "" && name != "spec" && name != "status" {
			continue
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		below, _ := properties[name].(map[string]any)
		there, ok := have[name].(map[string]any)
		if !ok {
			out = append(out, at)
			continue
		}
		out = append(out, lacking(below, there, at)...)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		below, _ := want[key].(map[string]any)
		there, ok := live[key].(map[string]any)
		if below != nil && ok {
			out = append(out, lacking(below, there, path+"[]")...)
		}
	}
	return out
}

// find looks for the controllers, once.
func (s *session) find(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.found, s.partial, s.foundErr = controllers.Find(ctx, s.client, s.o.Namespace)
}
