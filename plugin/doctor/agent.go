package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

var (
	podResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	leaseResource = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

// of lists the controllers of a kind that were found.
func (s *session) of(kind controllers.Kind) []controllers.Controller {
	var out []controllers.Controller
	for _, c := range s.found {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

// agents looks whether there is one and whether its pods are ready.
func (s *session) agents(ctx context.Context) []Check {
	const title = "Agent"
	if off := s.offline(title); off != nil {
		return off
	}
	if s.foundErr != nil {
		return s.unreadable(title, "list deployments, neither in all namespaces nor in "+s.o.Namespace+" and "+controllers.AgentNamespace, s.foundErr)
	}
	agents := s.of(controllers.Agent)
	if len(agents) == 0 {
		running := slices.ContainsFunc(s.of(controllers.Flagger), controllers.Controller.Running)
		switch {
		case s.partial:
			return skipped(title, "none was found where you may look; there can be one elsewhere")
		case running:
			return skipped(title, "none is installed; Flagger looks after the canaries")
		}
		return []Check{{Status: Fail, Title: title, Detail: "none was found: nobody looks after the canaries", Fix: "kubectl canary install"}}
	}
	var out []Check
	for _, a := range agents {
		c := Check{Status: OK, Title: title, Detail: fmt.Sprintf("%s %s, %d of %d ready, looks after %s", a, orUnknown(a.Version), a.Ready, a.Replicas, scopeOf(a))}
		switch {
		case !a.Running():
			c.Status, c.Detail, c.Fix = Fail, a.String()+" is scaled to zero: nobody looks after the canaries", scale(a, 1)
		case a.Ready == 0:
			c.Status, c.Fix = Fail, "kubectl describe pods -n "+a.Namespace+" -l "+a.Selector
			c.Detail += s.waiting(ctx, a)
		case a.Ready < a.Replicas:
			c.Status, c.Fix = Warn, "kubectl describe pods -n "+a.Namespace+" -l "+a.Selector
			c.Detail += s.waiting(ctx, a)
		}
		out = append(out, c)
	}
	return out
}

func orUnknown(version string) string {
	if version == "" {
		return "of unknown version"
	}
	return version
}

func scopeOf(c controllers.Controller) string {
	if c.Scope == "" {
		return "all namespaces"
	}
	return "namespace " + c.Scope
}

func scale(c controllers.Controller, replicas int) string {
	return fmt.Sprintf("kubectl scale deployment/%s -n %s --replicas=%d", c.Name, c.Namespace, replicas)
}

// waiting says why pods of a controller are not ready, as far as it can be seen.
func (s *session) waiting(ctx context.Context, c controllers.Controller) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := s.client.Resource(podResource).Namespace(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: c.Selector, Limit: 20})
	if err != nil {
		return "; why cannot be seen, because you may not list its pods"
	}
	if len(list.Items) == 0 {
		return "; there is no pod: see kubectl get events -n " + c.Namespace
	}
	reason := ""
	for i := range list.Items {
		pod := &corev1.Pod{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, pod) != nil {
			continue
		}
		reason = trouble(pod)
		// The reason of a container says more than that of the pod.
		if strings.Contains(reason, "container") {
			break
		}
	}
	if reason == "" {
		return ""
	}
	return "; " + reason
}

func trouble(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		text := ""
		switch {
		case c.State.Waiting != nil && (c.State.Waiting.Reason == "ImagePullBackOff" || c.State.Waiting.Reason == "ErrImagePull" || c.State.Waiting.Reason == "InvalidImageName"):
			return fmt.Sprintf("container %s of pod %s cannot pull image %s", c.Name, pod.Name, c.Image)
		case c.State.Waiting != nil && c.State.Waiting.Reason != "ContainerCreating":
			text = c.State.Waiting.Reason
		case c.State.Terminated != nil:
			text = c.State.Terminated.Reason
		}
		if last := c.LastTerminationState.Terminated; last != nil && text != "" {
			text += fmt.Sprintf(", last exit code %d", last.ExitCode)
		}
		if text != "" {
			return fmt.Sprintf("container %s of pod %s: %s; see kubectl logs -p -n %s %[2]s", c.Name, pod.Name, text, pod.Namespace)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s is not scheduled: %s", pod.Name, c.Message)
		}
	}
	return "pod " + pod.Name + " is not ready"
}

// agentVersions compares with that of the plugin.
func (s *session) agentVersions(context.Context) []Check {
	const title = "Version of the agent"
	if off := s.offline(title); off != nil {
		return off
	}
	mine, err := version.ParseSemantic(s.o.Build.Version)
	var out []Check
	for _, a := range s.of(controllers.Agent) {
		theirs, problem := version.ParseSemantic(a.Version)
		switch {
		case err != nil:
			return skipped(title, "this plugin has no version (%s)", s.o.Build.Version)
		case problem != nil:
			out = append(out, skipped(title, "%s does not say", a)...)
		case theirs.Major() == mine.Major() && theirs.Minor() == mine.Minor():
			out = append(out, Check{Status: OK, Title: title, Detail: fmt.Sprintf("%s of %s fits the plugin", a.Version, a)})
		case theirs.LessThan(mine):
			out = append(out, Check{Status: Warn, Title: title, Detail: fmt.Sprintf("%s is %s, older than the plugin, %s", a, a.Version, s.o.Build.Version), Fix: "kubectl canary upgrade"})
		default:
			out = append(out, Check{Status: Warn, Title: title, Detail: fmt.Sprintf("%s is %s, newer than the plugin, %s", a, a.Version, s.o.Build.Version), Fix: "Upgrade the plugin, such as with: kubectl krew upgrade canary"})
		}
	}
	if out == nil {
		return skipped(title, "there is no agent to be asked")
	}
	return out
}

// leases looks whether an agent holds its lease: one that does not has nothing to say.
func (s *session) leases(ctx context.Context) []Check {
	const title = "Lease of the agent"
	if off := s.offline(title); off != nil {
		return off
	}
	var out []Check
	for _, a := range s.of(controllers.Agent) {
		if !a.Running() {
			continue
		}
		if a.Flag("enable-leader-election") == "false" {
			if a.Replicas > 1 {
				out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("%s has %d replicas that all act: each step is taken %[2]d times", a, a.Replicas), Fix: "Take --enable-leader-election=false out of its arguments."})
				continue
			}
			out = append(out, skipped(title, "%s runs without one", a)...)
			continue
		}
		namespace := leaseNamespace(a)
		lease, err := s.object(ctx, leaseResource, namespace, controllers.AgentName)
		switch {
		case apierrors.IsNotFound(err):
			out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("%s never took lease %s/%s", a, namespace, controllers.AgentName),
				Fix: "See its log: kubectl logs -n " + a.Namespace + " deployment/" + a.Name})
		case err != nil:
			out = append(out, s.unreadable(title, "read lease "+namespace+"/"+controllers.AgentName, err)...)
		default:
			out = append(out, s.lease(title, a, lease))
		}
	}
	if out == nil {
		return skipped(title, "there is no agent to be asked")
	}
	return out
}

func leaseNamespace(a controllers.Controller) string {
	for _, flag := range []string{"leader-election-namespace", "namespace"} {
		if namespace := a.Flag(flag); namespace != "" {
			return namespace
		}
	}
	return a.Namespace
}

// clockSkew is how far the clock of this machine may be behind or ahead.
const clockSkew = 30 * time.Second

func (s *session) lease(title string, a controllers.Controller, lease *unstructured.Unstructured) Check {
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	at, err := time.Parse(time.RFC3339, renewed)
	c := Check{Status: OK, Title: title, Detail: fmt.Sprintf("%s/%s is held by %s", lease.GetNamespace(), lease.GetName(), holder)}
	age := s.o.Now().Sub(at)
	switch {
	case holder == "" || err != nil:
		c.Status, c.Detail = Fail, fmt.Sprintf("nobody holds %s/%s: no agent acts", lease.GetNamespace(), lease.GetName())
	case age > time.Duration(seconds)*time.Second+clockSkew:
		c.Status, c.Detail = Fail, fmt.Sprintf("%s has not renewed %s/%s for %s: no agent acts", holder, lease.GetNamespace(), lease.GetName(), age.Round(time.Second))
	default:
		return c
	}
	c.Fix = "See its log: kubectl logs -n " + a.Namespace + " deployment/" + a.Name
	return c
}

// scopes finds agents that look after the same canaries without knowing of each other.
func (s *session) scopes(context.Context) []Check {
	const title = "One agent for each canary"
	if off := s.offline(title); off != nil {
		return off
	}
	agents := slices.DeleteFunc(s.of(controllers.Agent), func(c controllers.Controller) bool { return !c.Running() })
	if len(agents) == 0 {
		return skipped(title, "there is no agent to be asked")
	}
	for i, a := range agents {
		for _, b := range agents[:i] {
			if leaseNamespace(a) == leaseNamespace(b) || a.Scope != "" && b.Scope != "" && a.Scope != b.Scope {
				continue
			}
			return []Check{{Status: Fail, Title: title, Detail: fmt.Sprintf("%s (%s) and %s (%s) both act on the same canaries, each with a lease of its own", b, scopeOf(b), a, scopeOf(a)),
				Fix: "Keep one: " + scale(a, 0)}}
		}
	}
	if s.partial {
		return []Check{{Status: OK, Title: title, Detail: "where you may look"}}
	}
	return []Check{{Status: OK, Title: title, Detail: count(len(agents), "agent") + " without overlap"}}
}

// otherControllers finds Flagger.
func (s *session) otherControllers(context.Context) []Check {
	const title = "Other controllers"
	if off := s.offline(title); off != nil {
		return off
	}
	if s.foundErr != nil {
		return s.unreadable(title, "list deployments", s.foundErr)
	}
	agent := slices.ContainsFunc(s.of(controllers.Agent), controllers.Controller.Running)
	var out []Check
	for _, f := range s.of(controllers.Flagger) {
		switch {
		case !f.Running():
			out = append(out, Check{Status: OK, Title: title, Detail: "Flagger " + f.String() + " is scaled to zero"})
		case agent:
			out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("Flagger %s (%s) runs besides the agent, which does nothing until that is gone", f, orUnknown(f.Version)),
				Fix: "To go on with the agent: " + scale(f, 0) + "\nTo go on with Flagger:   kubectl canary uninstall"})
		default:
			out = append(out, Check{Status: Warn, Title: title, Detail: fmt.Sprintf("Flagger %s (%s) looks after the canaries: the plugin shows them, but most verbs need the agent", f, orUnknown(f.Version)),
				Fix: "To change over without restarting anything: " + scale(f, 0) + " && kubectl canary install"})
		}
	}
	if out == nil {
		where := ""
		if s.partial {
			where = " where you may look"
		}
		return []Check{{Status: OK, Title: title, Detail: "none" + where}}
	}
	return out
}
