package feed

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of a feed.
type Options struct {
	// Client reads from the cluster.
	Client dynamic.Interface
	// Namespace to watch; empty for all.
	Namespace string
	// Name of the one canary to watch; empty for all. Needs a Namespace.
	Name string
	// Selector is a label selector; empty for all.
	Selector string
	// Detail adds events, pods and images. Needs a Name.
	Detail bool
	// Heartbeat is after how long a silence the API server is asked whether it is still there: a
	// watch on a server that hangs is silent for ever. Zero does not ask.
	Heartbeat time.Duration
}

// Update is what a feed reports: Canary, Gone, Stale, Fresh, Alive or Synced.
type Update interface{ update() }

// Canary is a new or changed view.
type Canary struct{ View view.Canary }

// Gone says that a canary was deleted.
type Gone struct{ Namespace, Name string }

// Stale says that the connection is lost: what was reported before may be out of date.
type Stale struct {
	// Since is when the connection broke.
	Since time.Time
	// Err is why.
	Err error
}

// Fresh ends Stale.
type Fresh struct{}

// Alive says that the API server answered a heartbeat.
type Alive struct{}

// Synced says that everything that existed at the start has been reported.
type Synced struct{}

func (Canary) update() {}
func (Gone) update()   {}
func (Stale) update()  {}
func (Fresh) update()  {}
func (Alive) update()  {}
func (Synced) update() {}

// Start lists, then watches until ctx ends, which closes the channel. An error of the first list is
// returned: a feed that has once begun does not give up. A canary that Name asks for and that does
// not exist is not an error here; nothing is reported before Synced then.
func Start(ctx context.Context, options Options) (<-chan Update, error) {
	if options.Name == "" && options.Detail || options.Name != "" && options.Namespace == "" {
		return nil, errors.New("feed: one canary needs a namespace and a name, detail needs a name")
	}
	listOptions := metav1.ListOptions{LabelSelector: options.Selector}
	if options.Name != "" {
		listOptions.FieldSelector = fields.OneTermEqualSelector("metadata.name", options.Name).String()
	}
	canaries := &source{
		kind:    kindCanary,
		client:  resource(options.Client, v1beta1.CanaryResource, options.Namespace),
		options: listOptions, heartbeat: options.Heartbeat,
	}
	first, err := canaries.begin(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan Update)
	m := newModel(options, out)
	go func() {
		defer close(out)
		m.run(ctx, canaries, first)
	}()
	return out, nil
}
