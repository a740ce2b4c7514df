package intent

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var selfSubjectReviews = schema.GroupVersionResource{
	Group: "authentication.k8s.io", Version: "v1", Resource: "selfsubjectreviews",
}

// Request is a verb on one canary.
type Request struct {
	Verb   v1beta1.Verb
	Reason string
	// Revision the operator saw; the agent refuses the verb when the run is about another one.
	Revision string
	// Gate that approve and reject are about.
	Gate string
	// By is the user, see [Sender.WhoAmI]; when empty, the API server is asked.
	By string
	// FieldManager that owns the annotations.
	FieldManager string
	// DryRun of the write.
	DryRun cli.DryRun
}

// Sender sends verbs. Its methods may be called at the same time.
type Sender struct {
	Client dynamic.Interface
	Now    func() time.Time
	// Lost, when set, is called each time the API server cannot be reached while an answer is waited
	// for; it is tried again in any case.
	Lost func(error)
}

// Sent is a verb that has been written.
type Sent struct {
	ID     string
	canary view.Canary
	// version of the canary with the verb in it: the answer comes after it.
	version string
}

// Send writes the verb into the annotations of the canary as it was seen.
func (s Sender) Send(ctx context.Context, seen view.Canary, r Request) (Sent, error) {
	if r.By == "" {
		by, err := s.WhoAmI(ctx)
		if err != nil {
			return Sent{}, err
		}
		r.By = by
	}
	intent := v1beta1.Intent{
		ID: rand.Text(), Verb: r.Verb, Revision: r.Revision, Gate: r.Gate, By: r.By, At: s.Now(), Reason: r.Reason,
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1beta1.SchemeGroupVersion.WithKind(v1beta1.CanaryKind))
	object.SetName(seen.Name)
	object.SetNamespace(seen.Namespace)
	// Apply creates what does not exist, but never with a given uid: a canary that was deleted
	// meanwhile stays deleted, and one that was made anew is not mistaken for it.
	metadata := object.Object["metadata"].(map[string]any) //nolint:forcetypeassert // SetName made it
	metadata["uid"] = seen.UID
	object.SetAnnotations(intent.Annotations())
	written, err := s.Client.Resource(v1beta1.CanaryResource).Namespace(seen.Namespace).Apply(ctx, seen.Name, object,
		// Forced, because an earlier intent may have been written by hand under another name.
		metav1.ApplyOptions{FieldManager: r.FieldManager, Force: true, DryRun: r.DryRun.Options()})
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) && strings.Contains(err.Error(), "metadata.uid") {
		return Sent{}, fmt.Errorf("canary %q was deleted or made anew meanwhile; nothing was done", seen.Name)
	}
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: intent.ID, canary: seen, version: written.GetResourceVersion()}, nil
}

// WhoAmI is the user name as the API server knows it, which an admission policy compares. Empty
// when the server does not tell: whether that is enough is for the policy to say. The error is that
// of the context.
func (s Sender) WhoAmI(ctx context.Context) (string, error) {
	review := &unstructured.Unstructured{}
	review.SetGroupVersionKind(selfSubjectReviews.GroupVersion().WithKind("SelfSubjectReview"))
	answer, err := s.Client.Resource(selfSubjectReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return "", ctx.Err()
	}
	name, _, _ := unstructured.NestedString(answer.Object, "status", "userInfo", "username")
	return name, nil
}
