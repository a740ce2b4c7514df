package inspect

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// firstDelay and maxDelay bound the pause before a lost connection is tried again.
	firstDelay = 500 * time.Millisecond
	maxDelay   = 15 * time.Second
	// retryDelay is the pause before what was refused, or not there, is tried again.
	retryDelay = 15 * time.Second
)

// Inspector reads the texts from a cluster.
type Inspector struct {
	// Cluster to read from.
	Cluster *cluster.Access
	// Now is the clock; times are shown in its zone.
	Now func() time.Time
}

var _ source.Inspector = (*Inspector)(nil)

// Inspect implements [source.Inspector]. The channel is closed when ctx ends, after everything that
// was begun for it has ended; otherwise only when the kubeconfig cannot be used. The last chunk says
// so then.
func (i *Inspector) Inspect(ctx context.Context, subject source.Subject, namespace, name string) <-chan source.Chunk {
	out := make(chan source.Chunk)
	r := &reading{Inspector: i, subject: subject, namespace: namespace, name: name, box: newOutbox()}
	go func() {
		defer close(out)
		ctx, cancel := context.WithCancel(ctx)
		var producers sync.WaitGroup
		defer producers.Wait()
		defer cancel()
		producers.Go(func() {
			if err := r.run(ctx); err != nil && r.note(ctx, "", err.Error()) {
				r.box.end(ctx)
			}
		})
		r.box.run(ctx, out)
	}()
	return out
}

// reading is one text of one canary.
type reading struct {
	*Inspector
	subject         source.Subject
	namespace, name string
	box             *outbox
	client          dynamic.Interface
}

// run watches the canary, which is the text itself, or says what belongs to the text.
func (r *reading) run(ctx context.Context) error {
	var show func(context.Context, *unstructured.Unstructured)
	switch r.subject {
	case source.SubjectYAML:
		show = r.yaml()
	case source.SubjectEvents:
		s := &session{reading: r, run: r.events}
		defer s.stop()
		show = s.show
	case source.SubjectLogs:
		s := &session{reading: r, run: r.logs}
		defer s.stop()
		show = s.show
	default:
		return fmt.Errorf("there is no text %q about a canary", r.subject)
	}
	var err error
	if r.client, err = r.Cluster.Dynamic(); err != nil {
		return err
	}
	r.canary(ctx, show)
	return nil
}

// canary shows each state of the canary until ctx ends, across lost connections and refusals.
func (r *reading) canary(ctx context.Context, show func(context.Context, *unstructured.Unstructured)) {
	client := r.client.Resource(v1beta1.CanaryResource).Namespace(r.namespace)
	options := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", r.name).String()}
	delay := firstDelay
	since, connected := time.Time{}, false // of the connection: when it was lost, whether there was one
	for {
		began, refused := time.Now(), false
		// It ends with the connection and begins anew with a list, for only a list tells that the
		// connection is back when nothing has changed meanwhile.
		feed.Objects(ctx, client, options, func(c feed.Change) bool {
			switch {
			case c.Broken != nil:
				if since.IsZero() {
					since = r.Now()
				}
				r.note(ctx, "", r.lost(c.Broken, since, connected))
				return false
			case c.Denied != nil:
				r.note(ctx, "", r.refusal(c.Denied, fmt.Sprintf("watch canary %q", r.name)))
				refused = true
				return false
			case c.Removed != nil, c.Listed && len(c.All) == 0:
				r.note(ctx, "", fmt.Sprintf("there is no canary %q in namespace %q", r.name, r.namespace))
				since = time.Time{}
				return true
			}
			since, connected = time.Time{}, true
			r.note(ctx, "", "")
			for i := range c.All {
				show(ctx, &c.All[i])
			}
			if c.Put != nil {
				show(ctx, c.Put)
			}
			return true
		})
		if time.Since(began) > maxDelay { // It was well for a while.
			delay = firstDelay
		}
		wait := delay
		if refused {
			wait = retryDelay
		}
		if !feed.Pause(ctx, wait) {
			return
		}
		delay = min(2*delay, maxDelay)
	}
}

// objects reports a collection until ctx ends. A lost connection is said where the canary is
// watched.
func (r *reading) objects(ctx context.Context, label, doing string, client dynamic.ResourceInterface, options metav1.ListOptions, send func(feed.Change)) {
	for {
		feed.Objects(ctx, client, options, func(c feed.Change) bool {
			switch {
			case c.Broken != nil:
			case c.Denied != nil:
				r.note(ctx, label, r.refusal(c.Denied, doing))
			default:
				r.note(ctx, label, "")
				send(c)
			}
			return true
		})
		if !feed.Pause(ctx, retryDelay) {
			return
		}
	}
}

// note says what is wrong with a part of the text; nothing when words is empty.
func (r *reading) note(ctx context.Context, label, words string) bool {
	return r.box.put(ctx, post{noted: true, label: label, note: view.Clean(words)})
}

// session runs for as long as a canary has the same identity and the same target.
type session struct {
	*reading
	run func(context.Context, *v1beta1.Canary, *unstructured.Unstructured)

	of     string
	cancel context.CancelFunc
	ended  chan struct{}
}

// show begins anew when what belongs to the canary has changed.
func (s *session) show(ctx context.Context, object *unstructured.Unstructured) {
	canary, _ := view.Decode(object.Object)
	of := fmt.Sprint(canary.UID, canary.Spec.TargetRef, canary.PrimaryName())
	if of == s.of {
		return
	}
	s.stop()
	s.box.put(ctx, post{forget: true})
	ctx, s.cancel = context.WithCancel(ctx)
	ended := make(chan struct{})
	s.of, s.ended = of, ended
	go func() {
		defer close(ended)
		s.run(ctx, canary, object)
	}()
}

func (s *session) stop() {
	if s.cancel != nil {
		s.cancel()
		<-s.ended
	}
}
