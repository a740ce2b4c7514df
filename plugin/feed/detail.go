package feed

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var (
	eventResource      = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	podResource        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	deploymentResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	daemonSetResource  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
)

// detail is what is known about one canary besides itself.
type detail struct {
	uid   types.UID
	epoch int
	// seen is the state the workloads were last read in.
	seen string
	stop context.CancelFunc
	ctx  context.Context
	m    *model

	events               map[string]corev1.Event
	pods                 map[kind]map[string]corev1.Pod
	following            map[kind]bool
	templates            map[string]bool // revisions of pods that were seen
	target, primary      *workload
	podsNote, eventsNote string
}

// workload is what is needed of a Deployment or DaemonSet.
type workload struct {
	Spec struct {
		Selector *metav1.LabelSelector  `json:"selector"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

// detailFor keeps the detail of a canary current: a new one for a new object, and the workloads
// read again whenever phase or revision moved, which is when their templates are about to change.
// That they have changed is seen by the first pod of the new template; see unknownTemplate.
func (m *model) detailFor(ctx context.Context, c *v1beta1.Canary) *detail {
	d := m.detail
	if d == nil || d.uid != c.UID {
		d = newDetail(ctx, m, c, d)
		d.follow(d.eventSource(c))
	}
	state := string(c.Status.Phase) + "/" + c.Status.LastAppliedSpec + "/" + c.Status.LastPromotedSpec
	if d.seen != state {
		d.seen = state
		d.read(c)
	}
	return d
}

func newDetail(ctx context.Context, m *model, c *v1beta1.Canary, before *detail) *detail {
	m.epochs++
	if before != nil {
		before.stop()
	}
	d := &detail{
		uid: c.UID, epoch: m.epochs, m: m, events: map[string]corev1.Event{},
		pods: map[kind]map[string]corev1.Pod{}, following: map[kind]bool{}, templates: map[string]bool{},
	}
	d.ctx, d.stop = context.WithCancel(ctx)
	return d
}

func (d *detail) follow(s *source) {
	s.epoch = d.epoch
	d.m.start(d.ctx, s)
}

func (d *detail) eventSource(c *v1beta1.Canary) *source {
	selector := fields.Set{"involvedObject.name": c.Name, "involvedObject.uid": string(c.UID)}
	return &source{
		kind: kindEvent, client: resource(d.m.options.Client, eventResource, c.Namespace),
		options: metav1.ListOptions{FieldSelector: selector.AsSelector().String()},
	}
}

// podSource lists the pods that a workload selects; nil when it selects none, or all.
func (d *detail) podSource(msg message) *source {
	if msg.op != opPut {
		return nil
	}
	selector := PodSelector(msg.object)
	if selector == "" {
		return nil
	}
	s := &source{
		kind: kindPrimaryPod, client: resource(d.m.options.Client, podResource, msg.object.GetNamespace()),
		options: metav1.ListOptions{LabelSelector: selector},
	}
	if msg.kind == kindTarget {
		s.kind = kindCanaryPod
	}
	return s
}

// workloadRead is one of the two workloads, to be read.
type workloadRead struct {
	kind   kind
	client dynamic.ResourceInterface
	name   string
}

func (d *detail) workloads(c *v1beta1.Canary) []workloadRead {
	var out []workloadRead
	for _, w := range Workloads(c) {
		kind := kindTarget
		if w.Side == view.SidePrimary {
			kind = kindPrimary
		}
		out = append(out, workloadRead{kind, resource(d.m.options.Client, w.Resource, c.Namespace), w.Name})
	}
	return out
}

// get is not ok for a workload that is not there, yet or any more; the next phase looks again.
func (w workloadRead) get(ctx context.Context) (msg message, ok bool) {
	object, err := w.client.Get(ctx, w.name, metav1.GetOptions{})
	switch {
	case err == nil:
		return message{kind: w.kind, op: opPut, object: object}, true
	case apierrors.IsNotFound(err):
		return message{}, false
	}
	return message{kind: w.kind, op: opDenied, err: err}, true
}

// read fetches both workloads in the background; the answers come back as messages.
func (d *detail) read(c *v1beta1.Canary) {
	ctx, epoch := d.ctx, d.epoch
	for _, w := range d.workloads(c) {
		d.m.sources.Go(func() {
			msg, ok := w.get(ctx)
			if !ok {
				return
			}
			msg.epoch = epoch
			select {
			case d.m.messages <- msg:
			case <-ctx.Done():
			}
		})
	}
}

// handle takes a message in and is true when it changed something.
func (d *detail) handle(msg message) bool {
	if msg.op == opBroken || msg.op == opFresh {
		return false // The watch of the canary itself tells the user.
	}
	switch msg.kind {
	case kindTarget, kindPrimary:
		if msg.op == opPut {
			d.workload(msg)
		} else {
			d.podsNote = note("the workloads", msg.err)
		}
	case kindEvent:
		if msg.op == opDenied {
			d.eventsNote = note("events", msg.err)
		}
		d.events = collect(d.events, msg)
	default:
		if msg.op == opDenied {
			d.podsNote = note("pods", msg.err)
		}
		d.pods[msg.kind] = collect(d.pods[msg.kind], msg)
	}
	return true
}

// unknownTemplate is true when a pod appeared whose revision none had before.
func (d *detail) unknownTemplate(msg message) bool {
	if msg.kind != kindCanaryPod && msg.kind != kindPrimaryPod {
		return false
	}
	known := len(d.templates)
	add := func(object *unstructured.Unstructured) {
		for _, label := range []string{"pod-template-hash", "controller-revision-hash"} {
			if revision := object.GetLabels()[label]; revision != "" {
				d.templates[fmt.Sprint(msg.kind, revision)] = true
			}
		}
	}
	for i := range msg.items {
		add(&msg.items[i])
	}
	if msg.op == opPut {
		add(msg.object)
	}
	return msg.op == opPut && len(d.templates) > known
}

func note(what string, err error) string {
	if apierrors.IsForbidden(err) {
		return "you are not allowed to read " + what
	}
	return fmt.Sprintf("cannot read %s: %s", what, err)
}

// workload takes in what is needed of a workload.
func (d *detail) workload(msg message) {
	w, err := readWorkload(msg.object)
	if err != nil {
		d.podsNote = err.Error()
		return
	}
	if msg.kind == kindTarget {
		d.target = w
	} else {
		d.primary = w
	}
}

func readWorkload(object *unstructured.Unstructured) (*workload, error) {
	w := &workload{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, w); err != nil {
		return nil, fmt.Errorf("cannot read %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return w, nil
}

// collect applies a message to a set of objects by name. An object that cannot be read is left out.
func collect[T any](set map[string]T, msg message) map[string]T {
	if set == nil || msg.op == opReplace {
		set = make(map[string]T, len(msg.items))
	}
	for i := range msg.items {
		put(set, &msg.items[i])
	}
	switch msg.op {
	case opPut:
		put(set, msg.object)
	case opDelete:
		delete(set, msg.object.GetName())
	case opReplace, opBroken, opFresh, opDenied, opAlive, opPage, opListed: // no single object
	}
	return set
}

func put[T any](set map[string]T, object *unstructured.Unstructured) {
	var value T
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &value) != nil {
		delete(set, object.GetName())
		return
	}
	set[object.GetName()] = value
}

func (d *detail) fill(extra *view.Extra) {
	extra.Events = slices.Collect(maps.Values(d.events))
	extra.CanaryPods = slices.Collect(maps.Values(d.pods[kindCanaryPod]))
	extra.PrimaryPods = slices.Collect(maps.Values(d.pods[kindPrimaryPod]))
	extra.PodsNote, extra.EventsNote = d.podsNote, d.eventsNote
	if d.target != nil {
		extra.TargetTemplate = &d.target.Spec.Template
	}
	if d.primary != nil {
		extra.PrimaryTemplate = &d.primary.Spec.Template
	}
}
