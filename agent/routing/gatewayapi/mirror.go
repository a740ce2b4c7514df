package gatewayapi

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const typeMirror = "RequestMirror"

// mirrorToCanary copies requests to the canary. All of them are copied unless percent says
// otherwise, which older versions of the API do not have, so it is written only where it is needed.
func mirrorToCanary(c *v1beta1.Canary) map[string]any {
	content := map[string]any{"backendRef": map[string]any{
		"group": "",
		"kind":  kindService,
		"name":  c.CanaryServiceName(),
		"port":  int64(c.Spec.Service.Port),
	}}
	if percent := routing.MirrorPercent(c); percent < 100 {
		content["percent"] = int64(percent)
	}
	return filter(typeMirror, "requestMirror", content)
}

// mirrorsToCanary tells whether one of the filters of a live rule copies requests to the canary.
func mirrorsToCanary(c *v1beta1.Canary, filters []any) bool {
	for _, item := range filters {
		f, _ := item.(map[string]any)
		mirror, _ := f["requestMirror"].(map[string]any)
		ref, _ := mirror["backendRef"].(map[string]any)
		if f["type"] != typeMirror || !isService(c, ref) || ref["name"] != c.CanaryServiceName() {
			continue
		}
		if percent, ok := routing.Integer(mirror["percent"]); !ok || percent > 0 {
			return true
		}
	}
	return false
}

// refuseMirrorToCanary keeps the mirrors of the user apart from that of the agent: one to the
// canary would send it copies at all times, and look as if the agent had.
func refuseMirrorToCanary(c *v1beta1.Canary) field.ErrorList {
	var errs field.ErrorList
	for i, mirror := range c.Spec.Service.Mirror {
		ref := mirror.BackendRef
		if ref == nil || ref.Group != "" || (ref.Kind != "" && ref.Kind != kindService) || ref.Name != c.CanaryServiceName() {
			continue
		}
		if ref.Namespace == "" || ref.Namespace == c.Namespace {
			errs = append(errs, field.Invalid(servicePath().Child("mirror").Index(i).Child("backendRef", "name"), ref.Name,
				"is the canary itself: remove it and set spec.analysis.mirror"))
		}
	}
	return errs
}

// mapMirror maps the backend of a mirror of the user.
func mapMirror(path *field.Path, ref *v1beta1.BackendReference) (map[string]any, *field.Error) {
	if ref == nil || ref.Name == "" {
		return nil, field.Required(path, "name the backend that gets the copies")
	}
	kind := ref.Kind
	if kind == "" {
		kind = kindService
	}
	if ref.Port == 0 && ref.Group == "" && kind == kindService {
		return nil, field.Required(path.Child("port"), "a Service needs the port that gets the copies")
	}
	out := map[string]any{"group": ref.Group, "kind": kind, "name": ref.Name}
	if ref.Namespace != "" {
		out["namespace"] = ref.Namespace
	}
	if ref.Port != 0 {
		out["port"] = int64(ref.Port)
	}
	return out, nil
}
