package knative

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var (
	gvk = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}
	gvr = gvk.GroupVersion().WithResource("services")
)

// primaryRevision is the annotation of a target that names the Revision that is its primary.
// Promotions write it; see package workload.
const primaryRevision = "flagger.app/primary-revision"

// Provider is the traffic provider "knative". Its zero value is ready to use.
type Provider struct{}

var _ routing.Provider = Provider{}

// Name implements routing.Provider.
func (Provider) Name() string { return v1beta1.ProviderKnative }

// Check implements routing.Provider. Weighted steps and Blue/Green are supported.
func (Provider) Check(c *v1beta1.Canary) field.ErrorList {
	var errs field.ErrorList
	if !c.IsKnative() {
		errs = append(errs, field.Invalid(field.NewPath("spec", "targetRef"), c.Spec.TargetRef.APIVersion+"/"+c.Spec.TargetRef.Kind,
			"provider knative routes to a Service of "+v1beta1.KnativeServiceAPIVersion+" only"))
	}
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	no := func(name, what string) {
		errs = append(errs, field.Forbidden(path.Child(name), what+" not supported by provider knative: remove "+name))
	}
	if len(analysis.Match) > 0 {
		no("match", "A/B tests are")
	}
	if analysis.Mirror {
		no("mirror", "mirroring is")
	}
	if analysis.SessionAffinity != nil {
		no("sessionAffinity", "session affinity is")
	}
	return errs
}

// Refs implements routing.Provider. The target routes itself.
func (Provider) Refs(c *v1beta1.Canary) []routing.Ref {
	return []routing.Ref{refOf(c)}
}

func refOf(c *v1beta1.Canary) routing.Ref {
	return routing.Ref{GVR: gvr, Namespace: c.Namespace, Name: c.Spec.TargetRef.Name}
}

// Render implements routing.Provider. It fails while the target or the mark of its primary is
// missing, since nothing can be routed to nobody.
func (p Provider) Render(c *v1beta1.Canary, split routing.Split, live routing.Objects) ([]*unstructured.Unstructured, error) {
	if err := routing.Refuse(p.Name(), c, p.Check(c)); err != nil {
		return nil, err
	}
	if err := routing.CheckSplit(split); err != nil {
		return nil, err
	}
	ref := refOf(c)
	object := live[ref]
	if object == nil {
		return nil, fmt.Errorf("route Knative Service %s/%s: it does not exist; create it", ref.Namespace, ref.Name)
	}
	primary := object.GetAnnotations()[primaryRevision]
	if primary == "" {
		return nil, fmt.Errorf("route Knative Service %s/%s: it has no annotation %s yet, which names the primary",
			ref.Namespace, ref.Name, primaryRevision)
	}
	entries, err := entriesAt(object, "spec")
	if err != nil {
		return nil, malformed(c, err)
	}
	rendered := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace},
		"spec":     map[string]any{"traffic": traffic(entries, primary, split)},
	}}
	rendered.SetGroupVersionKind(gvk)
	return []*unstructured.Unstructured{rendered}, nil
}

// traffic gives the newest Revision and the primary their shares. All other entries lose theirs, and
// those that have a tag stay for its sake (D15).
func traffic(entries []entry, primary string, split routing.Split) []any {
	newest := map[string]any{"latestRevision": true, "percent": int64(split.Canary)}
	promoted := map[string]any{"latestRevision": false, "revisionName": primary, "percent": int64(split.Primary)}
	list := []any{newest, promoted}
	for _, e := range entries {
		switch {
		case e.tag == "":
		case e.latest && newest["tag"] == nil:
			newest["tag"] = e.tag
		case e.revision == primary && promoted["tag"] == nil:
			promoted["tag"] = e.tag
		case e.latest:
			list = append(list, map[string]any{"latestRevision": true, "percent": int64(0), "tag": e.tag})
		default:
			list = append(list, map[string]any{"latestRevision": false, "revisionName": e.revision, "percent": int64(0), "tag": e.tag})
		}
	}
	return list
}

// Release implements routing.Provider. The routes of a Knative Service are left as they are, as the
// contract has it: the Revision that serves goes on to serve.
func (Provider) Release(*v1beta1.Canary, routing.Objects) ([]*unstructured.Unstructured, error) {
	return nil, nil
}
