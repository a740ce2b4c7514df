package controller

import (
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// rivals are the Deployments of another controller of the same API. As long as there is one, the
// agent changes nothing: two controllers would take every step twice and fight over every object.
type rivals struct {
	mu    sync.Mutex
	found map[cache.ObjectName]bool
	// told are the canaries on which an event was written, once for each time of waiting.
	told told
}

func newRivals() *rivals {
	return &rivals{found: map[cache.ObjectName]bool{}}
}

// told remembers which canaries have been told something, so that it is said once.
type told struct {
	mu    sync.Mutex
	names map[cache.ObjectName]bool
}

// first says whether the canary has not been told yet.
func (t *told) first(canary cache.ObjectName) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names[canary] {
		return false
	}
	if t.names == nil {
		t.names = map[cache.ObjectName]bool{}
	}
	t.names[canary] = true
	return true
}

func (t *told) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.names)
}

// rivalName is the name of the other controller: of its container, and in the labels that its own
// manifests and charts have.
const rivalName = "flagger"

// isRival recognises a running controller by its container and its labels, and not its load tester.
func isRival(d *appsv1.Deployment) bool {
	if d.Spec.Replicas != nil && *d.Spec.Replicas == 0 {
		return false
	}
	if !slices.ContainsFunc(containerNames(d), func(name string) bool { return name == rivalName }) {
		return false
	}
	if d.Name == rivalName || strings.HasSuffix(d.Name, "-"+rivalName) {
		return true
	}
	if d.Spec.Selector == nil {
		return false
	}
	for _, key := range []string{"app.kubernetes.io/name", "app", "name"} {
		if d.Spec.Selector.MatchLabels[key] == rivalName {
			return true
		}
	}
	return false
}

func containerNames(d *appsv1.Deployment) []string {
	names := make([]string, 0, len(d.Spec.Template.Spec.Containers))
	for i := range d.Spec.Template.Spec.Containers {
		names = append(names, d.Spec.Template.Spec.Containers[i].Name)
	}
	return names
}

// present names one of the rivals; ok is false when there is none.
func (r *rivals) present() (name cache.ObjectName, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.found {
		return name, true
	}
	return name, false
}

// saw notes a Deployment and says whether it was the first rival to come or the last to go.
func (r *rivals) saw(name cache.ObjectName, rival bool) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.found) > 0
	if rival {
		r.found[name] = true
	} else {
		delete(r.found, name)
	}
	after := len(r.found) > 0
	if before && !after {
		r.told.clear()
	}
	return before != after
}

// rivalHandler watches the Deployments for another controller.
func (c *Controller) rivalHandler() cache.ResourceEventHandler {
	saw := func(o any, exists bool) {
		if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = unknown.Obj
		}
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			return
		}
		name := cache.MetaObjectToName(d)
		if !c.rivals.saw(name, exists && isRival(d)) {
			return
		}
		if exists && isRival(d) {
			c.log.Warn("another controller of this API runs; waiting until it is gone", "deployment", name.String())
		} else {
			c.log.Info("the other controller is gone; going on", "deployment", name.String())
		}
		for _, canary := range c.index.names() {
			c.queue.Add(canary)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { saw(o, true) },
		UpdateFunc: func(_, o any) { saw(o, true) },
		DeleteFunc: func(o any) { saw(o, false) },
	}
}

// waitsForRival says whether the canary is another controller's business for the time being, and
// tells so once.
func (c *Controller) waitsForRival(canary *v1beta1.Canary) bool {
	rival, ok := c.rivals.present()
	if !ok {
		return false
	}
	if c.rivals.told.first(canaryName(canary)) {
		c.recorder.Record(canary, rollout.Message{
			Severity: rollout.Warning, Reason: "OtherController", Key: "OtherController/" + rival.String(),
			Text: "Deployment " + rival.String() + " is another controller of this API; canary-agent does nothing until it is scaled to zero",
		}, c.now())
	}
	return true
}
