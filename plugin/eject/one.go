package eject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/target"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// finalizerPatience is how long the agent has to put its finalizer on. It watches, so it takes a
// moment.
const finalizerPatience = 20 * time.Second

// fit refuses canaries whose target should not get all traffic, or that the agent does not look at.
func (o *Options) fit(ctx context.Context, client dynamic.Interface, v view.Canary) error {
	switch {
	case v.Deleting:
		return nil // Somebody has begun; the rest is waiting.
	case v.Suspended:
		return errors.New("spec.suspend is set, so the agent leaves the canary alone: take it away first")
	case o.Unpromoted || v.PromotedRevision == "":
		return nil
	case v.Active():
		return fmt.Errorf("a run is under way (%s), and %s would get all traffic with revision %s, which is not promoted: promote or abort first; %w",
			v.Phase, describe(v), v.Revision, errUnpromoted)
	}
	at := v.TargetRevision
	if live, err := target.Read(ctx, client, v.Namespace, v.Target); err == nil {
		at = live.ID
	}
	if !view.SameRevision(v.PromotedRevision, at) {
		return fmt.Errorf("%s is at revision %s, which was never promoted (the primary has %s), and would get all traffic: %w",
			describe(v), at, v.PromotedRevision, errUnpromoted)
	}
	return nil
}

// ejection is one canary on its way out.
type ejection struct {
	*Options

	session *installer.Session
	seen    view.Canary
	// label names the canary in lines.
	label string
	// told are the lines so far.
	told []string
}

// say prints a line once.
func (e *ejection) say(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if slices.Contains(e.told, line) {
		return nil
	}
	e.told = append(e.told, line)
	e.printing.Lock()
	defer e.printing.Unlock()
	return e.session.Say("%s: %s%s", e.label, line, e.DryRun.Suffix())
}

func (e *ejection) canaries() dynamic.ResourceInterface {
	return e.session.Client.Resource(v1beta1.CanaryResource).Namespace(e.seen.Namespace)
}

func (e *ejection) run(ctx context.Context) error {
	u, err := e.canaries().Get(ctx, e.seen.Name, metav1.GetOptions{})
	if err != nil {
		return e.Explain(ctx, err, "read", e.seen.Namespace, e.seen.Name)
	}
	if owner := managedBy(u); owner != "" {
		if err := e.say("warning: %s applies this canary; take it out of there as well, or it comes back", owner); err != nil {
			return err
		}
	}
	if e.DryRun == cli.DryRunClient {
		return e.done()
	}
	waiting, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	if u.GetDeletionTimestamp() == nil {
		if err := e.hold(waiting, u); err != nil {
			return err
		}
		uid := u.GetUID()
		err := e.canaries().Delete(waiting, u.GetName(), metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid}, DryRun: e.DryRun.Options(),
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return e.Explain(ctx, err, "delete", e.seen.Namespace, e.seen.Name)
		}
	}
	if e.DryRun == cli.DryRunServer {
		return e.done()
	}
	if err := e.follow(waiting, u.GetUID()); err != nil {
		return err
	}
	if err := e.verify(waiting); err != nil {
		return err
	}
	if err := e.collected(ctx); err != nil {
		return err
	}
	return e.done()
}

func (e *ejection) done() error {
	e.printing.Lock()
	defer e.printing.Unlock()
	_, err := fmt.Fprintf(e.Streams.Out, "%s ejected%s\n", cli.Resource(e.seen.Name), e.DryRun.Suffix())
	return err
}

// hold sets spec.revertOnDeletion and waits for the finalizer, which is the agent's word that it will
// give the traffic back. Without that word the field is put back to what it was.
func (e *ejection) hold(ctx context.Context, u *unstructured.Unstructured) error {
	was, given, _ := unstructured.NestedBool(u.Object, "spec", "revertOnDeletion")
	if !was {
		if err := e.setRevert(ctx, u.GetUID(), true); err != nil {
			return e.Explain(ctx, err, "set spec.revertOnDeletion of", e.seen.Namespace, e.seen.Name)
		}
		if err := e.say("spec.revertOnDeletion is set"); err != nil {
			return err
		}
	}
	if e.DryRun == cli.DryRunServer {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, finalizerPatience)
	defer cancel()
	err := installer.Until(patience, "the agent to hold the canary", func(ctx context.Context) (bool, string, error) {
		now, err := e.canaries().Get(ctx, u.GetName(), metav1.GetOptions{})
		if err != nil {
			return apierrors.IsNotFound(err), "", err
		}
		return slices.Contains(now.GetFinalizers(), v1beta1.Finalizer), "there is no finalizer; does an agent look after this namespace? (kubectl canary version)", nil
	})
	if err == nil {
		return e.say("the agent holds the canary until the target serves")
	}
	if !was {
		// Also when the command was interrupted.
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		var former any
		if given {
			former = false
		}
		if undo := e.setRevert(back, u.GetUID(), former); undo != nil {
			return fmt.Errorf("%w; and spec.revertOnDeletion could not be set back: %w", err, undo)
		}
	}
	return err
}

// setRevert writes spec.revertOnDeletion of this very canary; nil takes it away. It is a merge patch,
// since a server-side apply would make a canary that is gone meanwhile again.
func (e *ejection) setRevert(ctx context.Context, uid types.UID, value any) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": uid}, "spec": map[string]any{"revertOnDeletion": value},
	})
	if err != nil {
		return err
	}
	_, err = e.canaries().Patch(ctx, e.seen.Name, types.MergePatchType, patch, metav1.PatchOptions{
		FieldManager: e.FieldManager, DryRun: e.DryRun.Options(),
	})
	return err
}

// managedBy names the tool that applies the canary from elsewhere; empty when nothing says so.
func managedBy(u *unstructured.Unstructured) string {
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	switch {
	case labels["kustomize.toolkit.fluxcd.io/name"] != "":
		return "Flux Kustomization " + labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + labels["kustomize.toolkit.fluxcd.io/name"]
	case labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux HelmRelease " + labels["helm.toolkit.fluxcd.io/namespace"] + "/" + labels["helm.toolkit.fluxcd.io/name"]
	case annotations["argocd.argoproj.io/tracking-id"] != "":
		return "Argo CD (" + annotations["argocd.argoproj.io/tracking-id"] + ")"
	case annotations["meta.helm.sh/release-name"] != "":
		return "Helm release " + annotations["meta.helm.sh/release-namespace"] + "/" + annotations["meta.helm.sh/release-name"]
	}
	return ""
}
