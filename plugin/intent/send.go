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
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
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
	// FieldManager that owns the annotations.
	FieldManager string
	// DryRun of the write.
	DryRun cli.DryRun
}

// Sender sends verbs.
type Sender struct {
	Client dynamic.Interface
	Now    func() time.Time
}

// Sent is a verb that has been written.
type Sent struct {
	ID     string
	canary view.Canary
}

// Send writes the verb into the annotations of the canary as it was seen.
func (s Sender) Send(ctx context.Context, seen view.Canary, r Request) (Sent, error) {
	by, err := s.whoAmI(ctx)
	if err != nil {
		return Sent{}, err
	}
	intent := v1beta1.Intent{
		ID: rand.Text(), Verb: r.Verb, Revision: r.Revision, Gate: r.Gate, By: by, At: s.Now(), Reason: r.Reason,
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
	_, err = s.Client.Resource(v1beta1.CanaryResource).Namespace(seen.Namespace).Apply(ctx, seen.Name, object,
		// Forced, because an earlier intent may have been written by hand under another name.
		metav1.ApplyOptions{FieldManager: r.FieldManager, Force: true, DryRun: r.DryRun.Options()})
	if apierrors.IsConflict(err) || apierrors.IsInvalid(err) && strings.Contains(err.Error(), "metadata.uid") {
		return Sent{}, fmt.Errorf("canary %q was deleted or made anew meanwhile; nothing was done", seen.Name)
	}
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: intent.ID, canary: seen}, nil
}

// whoAmI is the user name as the API server knows it, which an admission policy compares. Empty
// when the server does not tell: whether that is enough is for the policy to say.
func (s Sender) whoAmI(ctx context.Context) (string, error) {
	review := &unstructured.Unstructured{}
	review.SetGroupVersionKind(selfSubjectReviews.GroupVersion().WithKind("SelfSubjectReview"))
	answer, err := s.Client.Resource(selfSubjectReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return "", ctx.Err()
	}
	name, _, _ := unstructured.NestedString(answer.Object, "status", "userInfo", "username")
	return name, nil
}

// Answer is what the agent said.
type Answer struct {
	Accepted bool
	Message  string
	// Overtaken is set when a later verb took the place of ours before an answer was seen.
	Overtaken bool
}

// Wait returns the agent's answer to a verb that has been sent. It ends with the context.
func (s Sender) Wait(ctx context.Context, sent Sent) (Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	updates, err := feed.Start(ctx, feed.Options{
		Client: s.Client, Namespace: sent.canary.Namespace, Name: sent.canary.Name,
	})
	if err != nil {
		return Answer{}, err
	}
	for update := range updates {
		switch u := update.(type) {
		case feed.Gone:
			return Answer{}, fmt.Errorf("canary %q was deleted before an agent answered", sent.canary.Name)
		case feed.Canary:
			if last := u.View.LastIntent; last != nil && last.ID == sent.ID {
				return Answer{Accepted: last.Outcome == string(v1beta1.IntentAccepted), Message: last.Message}, nil
			}
			// Ours is neither answered nor pending: a later one stands in its place.
			if pending := u.View.PendingIntent; pending == nil || pending.ID != sent.ID {
				return Answer{Overtaken: true}, nil
			}
		}
	}
	return Answer{}, ctx.Err()
}
