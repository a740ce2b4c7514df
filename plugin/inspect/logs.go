package inspect

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/logs"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// tail is how many of the last lines of each container are shown at the beginning.
const tail = 200

// logs shows the lines of the agent about a canary and those of its pods, until ctx ends.
func (r *reading) logs(ctx context.Context, canary *v1beta1.Canary, _ *unstructured.Unstructured) {
	if len(feed.Workloads(canary)) == 0 {
		r.note(ctx, "pods", "a "+canary.Spec.TargetRef.Kind+" has none of its own")
	}
	screen := logs.Screen{
		Cluster: r.Cluster, Now: r.Now, Canary: canary, Tail: tail,
		Foreign: view.Build(canary, view.Extra{}).Foreign,
	}
	if err := screen.Run(ctx, &logSink{r, ctx}); err != nil && ctx.Err() == nil {
		r.note(ctx, "logs", err.Error())
	}
}

// logSink is for one run of a screen, and ends with its context.
type logSink struct {
	*reading
	ctx context.Context
}

// Line implements [logs.Sink].
func (s *logSink) Line(text string) error {
	s.box.put(s.ctx, post{lines: []string{text}})
	return s.ctx.Err()
}

// Omit implements [logs.Sink].
func (s *logSink) Omit(o logs.Omission) {
	words := ""
	if o.Err != nil {
		var refused bool
		if words, refused = missingRight(o.Err, s.namespace); !refused {
			words = o.Err.Error()
		}
	}
	s.note(s.ctx, o.Origin, words)
}
