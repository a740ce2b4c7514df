package rights

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Checker asks the API server. Its methods may be called at the same time.
type Checker struct {
	// Client of the user.
	Client dynamic.Interface
	// Now is the clock.
	Now func() time.Time
}

var _ source.Rights = Checker{}

// Refusals has one entry for each operator verb that the user may not use on the canary: what
// [intent.Refusal] says. It is empty when all may be used, as by those who may patch canaries where
// the admission policy is not installed. It takes one request for those who have every right, and four
// for others; an error is that of a request, or means that something else stood in the way of the dry
// run, so that nothing is known.
func (c Checker) Refusals(ctx context.Context, namespace, name string) (map[string]string, error) {
	has, err := granted(ctx, c.Client, namespace, name, needed())
	if err != nil {
		return nil, fmt.Errorf("ask for your rights in namespace %q: %w", namespace, err)
	}
	// The RBAC verb that is missing for each operator verb.
	missing := map[v1beta1.Verb]string{}
	for _, verb := range v1beta1.Verbs() {
		switch right := intent.Right(verb); {
		case !has[intent.RightPatch]:
			missing[verb] = intent.RightPatch
		case !has[right]:
			missing[verb] = right
		}
	}
	if has[intent.RightPatch] && len(missing) > 0 {
		enforced, err := c.enforce(ctx, namespace, name, has, missing)
		if err != nil {
			return nil, err
		}
		if !enforced {
			clear(missing)
		}
	}
	refusals := make(map[string]string, len(missing))
	for verb, right := range missing {
		refusals[string(verb)] = intent.Refusal(verb, namespace, name, right)
	}
	return refusals, nil
}

// needed are the RBAC verbs that operator verbs take.
func needed() []string {
	out := []string{intent.RightPatch}
	for _, verb := range v1beta1.Verbs() {
		if right := intent.Right(verb); !slices.Contains(out, right) {
			out = append(out, right)
		}
	}
	return out
}

// enforce finds out whether the cluster asks for the RBAC verbs of operator verbs, by a dry run of one
// that the user lacks, and adds the verbs that go past the gates of the canary to those missing.
func (c Checker) enforce(ctx context.Context, namespace, name string, has map[string]bool, missing map[v1beta1.Verb]string) (bool, error) {
	object, err := c.Client.Resource(v1beta1.CanaryResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("read canary %q in namespace %q: %w", name, namespace, err)
	}
	probe := slices.Sorted(maps.Keys(missing))[0]
	if approve := string(v1beta1.VerbApprove); !has[approve] && gated(object) {
		for _, verb := range v1beta1.Verbs() {
			if _, lacks := missing[verb]; !lacks && intent.Right(verb) == string(v1beta1.VerbPromote) {
				missing[verb] = approve
			}
		}
	}
	sender := intent.Sender{Client: c.Client, Now: c.Now}
	_, err = sender.Send(ctx, view.Canary{Namespace: namespace, Name: name, UID: string(object.GetUID())}, intent.Request{
		Verb: probe, FieldManager: cli.FieldManager, DryRun: cli.DryRunServer,
		Reason: "which verbs this user may use",
	})
	switch {
	case err == nil:
		return false, nil
	case intent.Denied(err, probe, namespace, name) != nil:
		return true, nil //nolint:nilerr // To be refused is an answer.
	}
	return false, fmt.Errorf("try the verb %s on canary %q in namespace %q as a dry run: %w", probe, name, namespace, err)
}

// gated is true for a canary that a promotion would take past gates, by the words of the policy.
func gated(canary *unstructured.Unstructured) bool {
	gates, _, err := unstructured.NestedSlice(canary.Object, "spec", "analysis", "gates")
	return err == nil && len(gates) > 0
}
