package doctor

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// tool is a GitOps tool.
type tool string

const (
	argo      tool = "Argo CD"
	flux      tool = "Flux kustomize-controller"
	fluxHelm  tool = "Flux helm-controller"
	helm      tool = "Helm"
	noTool    tool = ""
	fluxGroup      = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
)

// toolOf recognises a tool by its field manager.
func toolOf(manager string) tool {
	switch {
	case strings.HasPrefix(manager, "argocd"):
		return argo
	case manager == "kustomize-controller":
		return flux
	case manager == "helm-controller":
		return fluxHelm
	case manager == "helm":
		return helm
	}
	return noTool
}

// owned are the fields of a kind that the agent writes, each as the path in managedFields.
var owned = map[string][][]string{
	"Deployment":     {{"spec", "replicas"}},
	"Service":        {{"spec", "selector"}, {"spec", "ports"}},
	"HTTPRoute":      {{"spec", "rules"}},
	"TraefikService": {{"spec", "weighted"}, {"spec", "mirroring"}},
}

// claim is what a tool writes although it is the agent's.
type claim struct {
	canary   canary
	part     part
	group    string
	tool     tool
	manager  string
	pointers []string
	owner    string
}

// gitOps finds tools that write what the agent writes: the two would undo each other's work for ever.
func (s *session) gitOps(ctx context.Context) []Check {
	const title = "GitOps tools"
	if none := s.none(title); none != nil {
		return none
	}
	s.look(ctx)
	var claims []claim
	read := 0
	for _, c := range s.canaries {
		p := s.parts[c.key]
		if p == nil {
			continue
		}
		for _, one := range []part{p.target, p.apex, p.route} {
			if one.object == nil {
				continue
			}
			read++
			fields := owned[one.kind]
			if one.gvr.Group == "serving.knative.dev" {
				fields = [][]string{{"spec", "traffic"}}
			}
			if found, ok := claimOf(one.object, fields, idleSince(c)); ok {
				found.canary, found.part, found.group = c, one, one.gvr.Group
				claims = append(claims, found)
			}
		}
	}
	if read == 0 {
		return skipped(title, "you may not read the targets, Services and routes")
	}
	claims = s.withoutIgnored(ctx, claims)
	if len(claims) == 0 {
		return []Check{{Status: OK, Title: title, Detail: "none writes what the agent writes" + s.looked()}}
	}
	return byTool(title, claims)
}

// idleSince is when the last run of a canary ended; zero while one is under way.
func idleSince(c canary) time.Time {
	switch c.Status.Phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed:
		return c.Status.LastTransitionTime.Time
	default:
		return time.Time{}
	}
}

// undone tells whether the agent wrote a field after a tool had written the object, while the canary was
// idle. It only does so when the tool has written that field: the write took it away from the tool, so
// that the managed fields do not show it any more.
func undone(object *unstructured.Unstructured, by metav1.ManagedFieldsEntry, path []string, idle time.Time) bool {
	if by.Time == nil || idle.IsZero() || !by.Time.After(idle) {
		return false
	}
	return slices.ContainsFunc(object.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == controllers.AgentName && e.Subresource == "" && e.Time != nil && !e.Time.Time.Before(by.Time.Time) && owns(e, path)
	})
}

// claimOf tells which of the fields a tool writes: by the managed fields, by what was applied last, or
// because the agent has just undone it.
func claimOf(object *unstructured.Unstructured, fields [][]string, idle time.Time) (claim, bool) {
	var out claim
	annotations := object.GetAnnotations()
	var applied map[string]any
	_ = json.Unmarshal([]byte(annotations["kubectl.kubernetes.io/last-applied-configuration"]), &applied) // Absent for most.
	for _, entry := range object.GetManagedFields() {
		t := toolOf(entry.Manager)
		if t == noTool || entry.Subresource != "" || out.tool != noTool && t != out.tool {
			continue
		}
		for _, path := range fields {
			pointer := "/" + strings.Join(path, "/")
			_, inManifest, _ := unstructured.NestedFieldNoCopy(applied, path...)
			if !slices.Contains(out.pointers, pointer) && (owns(entry, path) || inManifest && t == argo || undone(object, entry, path, idle)) {
				out.tool, out.manager = t, entry.Manager
				out.pointers = append(out.pointers, pointer)
			}
		}
	}
	if out.tool == noTool || offFor(out.tool, annotations) {
		return out, false
	}
	out.owner = ownerOf(out.tool, object)
	return out, true
}

// offFor is true where an annotation keeps the tool away already.
func offFor(t tool, annotations map[string]string) bool {
	switch t {
	case flux:
		return annotations[fluxGroup+"/reconcile"] == "disabled" || annotations[fluxGroup+"/ssa"] == "Ignore" || annotations[fluxGroup+"/ssa"] == "IfNotPresent"
	case fluxHelm:
		return annotations[helmGroup+"/driftDetection"] == "disabled"
	case argo, helm, noTool:
	}
	return false
}

// applicationResource is where Argo CD is told what to ignore, and argoNamespace where it usually is.
var applicationResource = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}

const argoNamespace = "argocd"

// withoutIgnored leaves out what an Application ignores already, as far as it can be read: Argo CD goes
// on owning such a field, but with the value that is there.
func (s *session) withoutIgnored(ctx context.Context, claims []claim) []claim {
	applications := map[string]*unstructured.Unstructured{}
	return slices.DeleteFunc(claims, func(c claim) bool {
		name, isApplication := strings.CutPrefix(c.owner, "Application ")
		if c.tool != argo || !isApplication {
			return false
		}
		application, asked := applications[name]
		if !asked && len(applications) < mostApplications {
			application, _ = s.object(ctx, applicationResource, argoNamespace, name) // Nil when it may not be read.
			applications[name] = application
		}
		return application != nil && ignored(application, c)
	})
}

// mostApplications bounds how many Applications are read.
const mostApplications = 10

func ignored(application *unstructured.Unstructured, c claim) bool {
	options, _, _ := unstructured.NestedStringSlice(application.Object, "spec", "syncPolicy", "syncOptions")
	if !slices.Contains(options, "RespectIgnoreDifferences=true") {
		return false
	}
	entries, _, _ := unstructured.NestedSlice(application.Object, "spec", "ignoreDifferences")
	var pointers []string
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		fits := func(key, want string) bool {
			have, _ := entry[key].(string)
			return have == want || have == "*" || have == "" && key != "kind" && key != "group"
		}
		if !fits("group", c.group) || !fits("kind", c.part.kind) || !fits("name", c.part.name) || !fits("namespace", c.part.namespace) {
			continue
		}
		managers, _, _ := unstructured.NestedStringSlice(entry, "managedFieldsManagers")
		if slices.Contains(managers, controllers.AgentName) {
			return true
		}
		more, _, _ := unstructured.NestedStringSlice(entry, "jsonPointers")
		pointers = append(pointers, more...)
	}
	return !slices.ContainsFunc(c.pointers, func(p string) bool { return !slices.Contains(pointers, p) })
}

// owns says whether an entry owns a field, or anything below it.
func owns(entry metav1.ManagedFieldsEntry, path []string) bool {
	if entry.FieldsV1 == nil {
		return false
	}
	var fields map[string]any
	if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	for _, name := range path {
		below, ok := fields["f:"+name].(map[string]any)
		if !ok {
			return false
		}
		fields = below
	}
	return true
}

// ownerOf names the Application, Kustomization or release that the object belongs to, for people.
func ownerOf(t tool, object *unstructured.Unstructured) string {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	switch t {
	case argo:
		if app, _, tracked := strings.Cut(annotations["argocd.argoproj.io/tracking-id"], ":"); tracked {
			return "Application " + app
		}
		if app := labels["argocd.argoproj.io/instance"]; app != "" {
			return "Application " + app
		}
		return "the Application"
	case flux:
		if name := labels[fluxGroup+"/name"]; name != "" {
			return "Kustomization " + labels[fluxGroup+"/namespace"] + "/" + name
		}
		return "the Kustomization"
	case fluxHelm:
		if name := labels[helmGroup+"/name"]; name != "" {
			return "HelmRelease " + labels[helmGroup+"/namespace"] + "/" + name
		}
		return "the HelmRelease"
	case helm, noTool:
	}
	if name := annotations["meta.helm.sh/release-name"]; name != "" {
		return "the chart of release " + annotations["meta.helm.sh/release-namespace"] + "/" + name
	}
	return "the chart"
}
