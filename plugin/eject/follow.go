package eject

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var services = schema.GroupVersionResource{Version: "v1", Resource: "services"}

// workloads are the kinds of targets that have pods, and where the number of available ones is.
var workloads = map[string]struct {
	schema.GroupVersionResource
	available string
}{
	"Deployment": {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "availableReplicas"},
	"DaemonSet":  {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, "numberAvailable"},
}

func describe(v view.Canary) string { return strings.ToLower(v.Target.Kind) + "/" + v.Target.Name }

// follow prints a line for each stage until the canary is gone.
func (e *ejection) follow(ctx context.Context, uid types.UID) error {
	err := installer.Until(ctx, "the canary to go", func(ctx context.Context) (bool, string, error) {
		u, err := e.canaries().Get(ctx, e.seen.Name, metav1.GetOptions{})
		gone := apierrors.IsNotFound(err) || err == nil && u.GetUID() != uid
		if err != nil && !gone {
			return false, "", err
		}
		if err := e.stages(ctx); err != nil {
			return false, "", err
		}
		if gone {
			return true, "", nil
		}
		why, _, _ := unstructured.NestedString(u.Object, "status", "message")
		if phase, _, _ := unstructured.NestedString(u.Object, "status", "phase"); phase == "Terminating" && why != "" {
			return false, why, e.say("%s", why)
		}
		return false, why, nil
	})
	if err != nil {
		if cli.CodeOf(err) == cli.CodeTimeout {
			return cli.TimedOut("%w; the primary serves on, and the same command goes on waiting", err)
		}
		return err
	}
	return e.say("the canary is gone; its route and Service stay, and belong to nobody")
}

// collectPatience is how long the garbage collector of the cluster may take before nobody waits for it
// any more. It is slow for half a minute after the API was installed.
const collectPatience = time.Minute

// collected waits until the primary is gone, which gets no traffic any more.
func (e *ejection) collected(ctx context.Context) error {
	workload, known := workloads[e.seen.Target.Kind]
	if !known {
		return nil
	}
	primary := e.seen.Target.Name + "-primary"
	patience, cancel := context.WithTimeout(ctx, collectPatience)
	defer cancel()
	err := installer.Until(patience, "the primary to go", func(ctx context.Context) (bool, string, error) {
		_, err := e.session.Client.Resource(workload.GroupVersionResource).Namespace(e.seen.Namespace).Get(ctx, primary, metav1.GetOptions{})
		// Who may not look does not wait for it.
		gone := apierrors.IsNotFound(err) || apierrors.IsForbidden(err)
		return gone, "", err
	})
	switch cli.CodeOf(err) {
	case cli.CodeDone:
		return e.say("%s is gone", primary)
	case cli.CodeTimeout:
		return e.say("warning: %s is still there; it gets no traffic, and the garbage collector of kube-controller-manager is to take it", primary)
	}
	return err
}

// stages looks at the target and the Service, and says once when they are as they are to be.
func (e *ejection) stages(ctx context.Context) error {
	available, template := e.target(ctx)
	if template == nil {
		return nil
	}
	if available > 0 {
		if err := e.say("%s is up again, pods available: %d", describe(e.seen), available); err != nil {
			return err
		}
	}
	if e.selects(ctx, template) {
		return e.say("service/%s selects %s", e.seen.Services.Apex, describe(e.seen))
	}
	return nil
}

// target tells how many pods of the target are available, once all are that it asks for, and the
// labels of its pods; nil when it has none or cannot be read.
func (e *ejection) target(ctx context.Context) (available int64, template labels.Set) {
	workload, known := workloads[e.seen.Target.Kind]
	if !known {
		return 0, nil
	}
	t, err := e.session.Client.Resource(workload.GroupVersionResource).Namespace(e.seen.Namespace).Get(ctx, e.seen.Target.Name, metav1.GetOptions{})
	if err != nil {
		return 0, nil
	}
	available, _, _ = unstructured.NestedInt64(t.Object, "status", workload.available)
	if wanted, given, _ := unstructured.NestedInt64(t.Object, "spec", "replicas"); given && available < wanted {
		available = 0
	}
	template, _, _ = unstructured.NestedStringMap(t.Object, "spec", "template", "metadata", "labels")
	return available, template
}

// selects says whether the apex Service selects pods with these labels.
func (e *ejection) selects(ctx context.Context, template labels.Set) bool {
	svc, err := e.session.Client.Resource(services).Namespace(e.seen.Namespace).Get(ctx, e.seen.Services.Apex, metav1.GetOptions{})
	if err != nil {
		return false
	}
	selector, _, _ := unstructured.NestedStringMap(svc.Object, "spec", "selector")
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(template)
}

// verify makes sure that what was promised is so. A target that does not exist has nothing to verify;
// nor has one without pods of its own.
func (e *ejection) verify(ctx context.Context) error {
	workload, known := workloads[e.seen.Target.Kind]
	if !known {
		return nil
	}
	_, err := e.session.Client.Resource(workload.GroupVersionResource).Namespace(e.seen.Namespace).Get(ctx, e.seen.Target.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return e.say("warning: %s does not exist, so nothing was given back", describe(e.seen))
	case err != nil:
		return e.say("warning: %s may not be read, so it was not looked at: %v", describe(e.seen), err)
	}
	available, template := e.target(ctx)
	switch {
	case available == 0:
		return fmt.Errorf("the canary is gone, but %s has not got all its pods available: see kubectl -n %s get pods", describe(e.seen), e.seen.Namespace)
	case e.seen.Services.Apex != "" && e.seen.PromotedRevision != "" && !e.selects(ctx, template):
		return fmt.Errorf("the canary is gone, but service %s does not select the pods of %s: correct its spec.selector", e.seen.Services.Apex, describe(e.seen))
	}
	return nil
}
