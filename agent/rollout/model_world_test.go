package rollout

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// epoch is second 0 of the simulated world.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(second int32) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

const drainDelay = 3 * time.Second

// revisions that a user can ship; index 0 is none.
var revisions = [...]string{"", "rs:r1", "rs:r2", "rs:r3"}

// simWorkload is a Deployment with as much detail as Decide can tell apart.
type simWorkload struct {
	exists, observed bool
	// rev is the revision of the template (of a primary: the one it was copied from), seen the one
	// before the last edit, which is what an observer reads until the controller has caught up.
	rev, seen uint8
	want      int32
	// avail counts ready pods of any revision: a rolling update keeps the old ones.
	avail int32
	// rolled is true when all pods are of the newest template.
	rolled bool
	dead   bool
	gen    int64
	// mark is the run id in the primary's pod template.
	mark string
}

func (w *simWorkload) edit() {
	w.gen++
	if w.observed {
		w.seen = w.rev
	}
	w.observed = false
}

func (w *simWorkload) scale(n int32) {
	if n == w.want {
		return
	}
	w.edit()
	if w.want == 0 || n == 0 {
		w.rolled = true
	}
	w.want = n
	w.avail = min(w.avail, n)
	w.dead = false
}

func (w *simWorkload) ship(rev uint8) {
	w.edit()
	w.rev = rev
	w.rolled = w.want == 0
	w.dead = false
}

// broken says that the newest template does not start, and will not: only another one helps.
func (w *simWorkload) broken() bool { return w.dead && !w.rolled }

// waiting says whether the workload will make progress by itself.
func (w *simWorkload) waiting() bool {
	return w.exists && (!w.observed || (!w.broken() && (!w.rolled || w.avail < w.want)))
}

func (w *simWorkload) observe(primary bool) Workload {
	o := Workload{
		Exists: w.exists, Observed: w.observed, Generation: w.gen,
		Replicas: w.want, Total: w.want, Updated: w.want, Available: w.avail, DeadlineExceeded: w.dead,
	}
	if !w.rolled {
		o.Updated, o.Total = 0, max(w.want, w.avail)
	}
	rev := w.rev
	if !w.observed && !primary {
		rev = w.seen // A primary carries its source in an annotation, which is never stale.
	}
	o.Revision = revisions[rev]
	if primary {
		o.Source = revisions[w.rev]
	}
	return o
}

// simRoute is the routing object, and what the agent remembers of it.
type simRoute struct {
	exists, current, foreign, confirmed bool
	canary                              int32
	// setAt is when the share really changed; since and found are what the agent believes.
	setAt, since int32
	found        bool
}

type jobState uint8

const (
	jobNone jobState = iota
	jobRunning
	jobPassed
	jobFailed
	jobErrored
	jobHeld
)

// simJob is a check or a hook call in the agent's memory.
type simJob struct {
	id    string
	state jobState
	at    int32
}

// inflight is a plan that the agent is carrying out.
type inflight struct {
	open bool
	// status still to be written; nil when it has been, or needs no write.
	status  *v1beta1.CanaryStatus
	effects []Effect
	// conflict: somebody wrote the Canary after the decision, so the write of the status fails.
	conflict bool
	// touched: somebody wrote the route after the decision, which no agent can prevent.
	touched bool
}

// maxJobs is the number of hook calls of one run that the agent can remember at a time.
const maxJobs = 6

// state of the simulated world. It is copied by value; what it points to is never changed.
type state struct {
	now             int32
	status          *v1beta1.CanaryStatus
	target, primary simWorkload
	sides, apex     bool
	route           simRoute
	check           simJob
	hooks           [maxJobs]simJob
	// verb of the intent in the annotations, and how many there have been.
	verb    uint8
	intents uint8
	left    budget
	plan    inflight
	// post is what the receivers of post-rollout hooks saw of the current run.
	post uint8
}

// sim is the fixed part of a world.
type sim struct {
	canary  *v1beta1.Canary
	reports bool
	decide  func(World) Plan
}

// verbs of the intents; index 0 is none.
var verbs = [...]v1beta1.Verb{
	"", v1beta1.VerbPromote, v1beta1.VerbPromoteStep, v1beta1.VerbAbort, v1beta1.VerbPause, v1beta1.VerbResume,
}

// intentAnnotations holds the annotations of the n-th intent with each verb.
var intentAnnotations = func() (all [16][len(verbs)]map[string]string) {
	for n := range all {
		for v, verb := range verbs {
			all[n][v] = v1beta1.Intent{ID: "i" + string(rune('a'+n)), Verb: verb, By: "jane"}.Annotations()
		}
	}
	return all
}()

// view is what the agent observes.
func (m *sim) view(s *state) World {
	c := *m.canary
	c.Status = *s.status
	if s.intents > 0 {
		c.Annotations = intentAnnotations[s.intents][s.verb]
	}
	w := World{
		Now: at(s.now), Canary: &c, DrainDelay: drainDelay,
		Target: s.target.observe(false), Primary: s.primary.observe(true),
		Services: Services{Sides: s.sides, Apex: s.apex},
		Route: Route{
			Exists: s.route.exists, Canary: s.route.canary, Current: s.route.current,
			Since: at(s.route.since), Found: s.route.found,
			Reports: m.reports, Confirmed: s.route.confirmed && m.reports,
		},
	}
	if s.route.foreign {
		w.Route.Manager = "kubectl-edit"
	}
	if s.check.state >= jobPassed {
		w.Check = &CheckResult{ID: s.check.id}
		switch s.check.state {
		case jobFailed:
			w.Check.Failures = []string{"Halt app.test advancement success rate 90.00% < 99%"}
		case jobErrored:
			w.Check.Errors = []string{"Metric query failed for request-success-rate: connection refused"}
		case jobHeld:
			w.Check.Held = []string{"no values found for metric request-success-rate"}
		default: // passed
		}
	}
	for i := range s.hooks {
		job := &s.hooks[i]
		if job.state == jobNone {
			continue
		}
		if w.Hooks == nil {
			w.Hooks = make(map[string]HookResult, maxJobs)
		}
		result := HookResult{Done: job.state != jobRunning, FinishedAt: at(job.at)}
		if job.state == jobFailed {
			result.Err = "403 Forbidden"
		}
		w.Hooks[job.id] = result
	}
	return w
}
