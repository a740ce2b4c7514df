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

// fingerprints of the configs; index 0 is none, as by an agent that does not track them.
var fingerprints = [...]string{"", "+c1", "+c2"}

// named holds the revisions with the fingerprints.
var named = func() (all [len(revisions)][len(fingerprints)]string) {
	for r := 1; r < len(revisions); r++ {
		for f := range fingerprints {
			all[r][f] = revisions[r] + fingerprints[f]
		}
	}
	return all
}()

// simWorkload is a Deployment with as much detail as Decide can tell apart.
type simWorkload struct {
	exists, observed bool
	// fixed: it cannot be scaled.
	fixed bool
	// rev is the revision of the template (of a primary: the one it was copied from), seen the one
	// before the last edit, which is what an observer reads until the controller has caught up.
	rev, seen uint8
	// configs is the fingerprint of its configs, of a primary: of those that were copied.
	configs uint8
	// untracked: the agent does not look at the configs of the target.
	untracked bool
	// prev and prevConfigs of a primary: what it was copied from before.
	prev, prevConfigs uint8
	// unmarked: a primary of another controller, which does not say what it was copied from.
	unmarked bool
	// shipped is when the template came into being.
	shipped int32
	want    int32
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
	if n == w.want || w.fixed {
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
	w.rolled = w.want == 0 || w.fixed
	w.dead = false
}

// broken says that the newest template does not start, and will not: only another one helps.
func (w *simWorkload) broken() bool { return w.dead && !w.rolled }

// waiting says whether the workload will make progress by itself.
func (w *simWorkload) waiting() bool {
	return w.exists && (!w.observed || (!w.broken() && (!w.rolled || w.avail < w.want)))
}

// copied says that the primary was written with another template or other configs.
func (w *simWorkload) copied(rev, configs uint8) {
	if rev != w.rev || configs != w.configs {
		w.prev, w.prevConfigs = w.rev, w.configs
	}
	w.ship(rev)
	w.configs, w.unmarked = configs, false
}

// vanish deletes the workload; what it was is remembered for when it is created again.
func (w *simWorkload) vanish() {
	*w = simWorkload{rev: w.rev, configs: w.configs, untracked: w.untracked, gen: w.gen, fixed: w.fixed}
}

// appear creates it again.
func (w *simWorkload) appear(rev uint8, pods, now int32) {
	*w = simWorkload{exists: true, rev: rev, configs: w.configs, untracked: w.untracked, gen: w.gen + 1, fixed: w.fixed, want: pods, shipped: now}
	if w.fixed {
		w.avail, w.rolled = pods, true
	}
}

// fingerprint of the configs, as the agent sees it.
func (w *simWorkload) fingerprint() uint8 {
	if w.untracked {
		return 0
	}
	return w.configs
}

// name of the revision that it really has.
func (w *simWorkload) name() string { return named[w.rev][w.fingerprint()] }

func (w *simWorkload) observe(primary bool) Workload {
	if !w.exists {
		return Workload{}
	}
	o := Workload{
		Exists: true, Observed: w.observed, Generation: w.gen, Fixed: w.fixed,
		Replicas: w.want, Total: w.want, Updated: w.want, Available: w.avail, DeadlineExceeded: w.dead,
		Since: at(w.shipped),
	}
	if !w.rolled {
		o.Updated, o.Total = 0, max(w.want, w.avail)
	}
	rev := w.rev
	if !w.observed && !primary {
		rev = w.seen // A primary carries its source in an annotation, which is never stale.
	}
	o.Revision = named[rev][w.fingerprint()]
	if primary {
		o.Source, o.Previous = named[w.rev][w.configs], named[w.prev][w.prevConfigs]
	}
	return o
}

// simRoute is the routing object of a provider, and what the agent remembers of it.
type simRoute struct {
	exists, current, foreign, confirmed bool
	canary                              int32
	// mirror, everyone and released are as in Route.
	mirror, everyone, released bool
	// cookies that were written into it.
	cookies string
	// setAt is when the share really changed; since and found are what the agent believes.
	setAt, since int32
	found        bool
}

// still says that nothing goes to the canary through the route.
func (r *simRoute) still() bool { return !r.exists || (r.canary == 0 && !r.mirror) }

// simScaler is the autoscaler of the target, and the primary's copy of it.
type simScaler struct {
	// paused is about the target's.
	paused bool
	// exists and floor are about the primary's.
	exists bool
	floor  int32
}

// simSpec is what can be edited in the spec of the Canary.
type simSpec struct {
	suspended, problem, revert, edited bool
	// provider is an index of providers.
	provider uint8
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
	// released: the apex Service selects the target and outlives the Canary.
	sides, apex, released bool
	// route of the provider that is bound, and what is there of the other one.
	route, spare simRoute
	// bound is the index of the provider that the route belongs to.
	bound  uint8
	scaler simScaler
	spec   simSpec
	// deleting, finalizer and gone are about the Canary: gone is the end.
	deleting, finalizer, gone bool
	check                     simJob
	hooks                     [maxJobs]simJob
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
	// canary is as in the configuration, edited after an edit of its steps.
	canary, edited *v1beta1.Canary
	reports        bool
	provider       string
	scaler         scalerKind
	decide         func(World) Plan
}
