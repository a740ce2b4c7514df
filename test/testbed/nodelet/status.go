package nodelet

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// changed has the status reported soon. It never blocks.
func (p *pod) changed() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// warn records an event on the pod.
func (p *pod) warn(reason, message string) {
	p.n.events.Event(p.latest(), v1.EventTypeWarning, reason, message)
}

// reportChanges writes the status whenever it changed, until the pod's end.
func (p *pod) reportChanges() {
	p.changed()
	for {
		select {
		case <-p.dirty:
		case <-p.lifeCtx.Done():
			return
		}
		if err := p.report(p.lifeCtx); err != nil && p.lifeCtx.Err() == nil && !gone(err) {
			p.n.log.Warn("pod status not written, will be tried again", "pod", p.namespace+"/"+p.name, "error", err)
			if sleep(p.lifeCtx, 300*time.Millisecond) {
				p.changed()
			}
		}
	}
}

// report patches the status if it differs from the last one that was written.
func (p *pod) report(ctx context.Context) error {
	p.reportMu.Lock()
	defer p.reportMu.Unlock()
	p.mu.Lock()
	status := p.status()
	p.mu.Unlock()
	if p.reported != nil && apiequality.Semantic.DeepEqual(*p.reported, status) {
		return nil
	}
	patch, err := p.statusPatch(&status)
	if err != nil {
		return fmt.Errorf("compute status patch of pod %s/%s: %w", p.namespace, p.name, err)
	}
	_, err = p.n.cfg.Client.CoreV1().Pods(p.namespace).Patch(ctx, p.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return err
	}
	p.reported = &status
	return nil
}

// statusPatch is the difference to what the API server has. A strategic merge
// leaves conditions of others (readiness gates) alone; the UID makes the patch
// fail on a new pod of the same name.
func (p *pod) statusPatch(status *v1.PodStatus) ([]byte, error) {
	base := p.reported
	if base == nil {
		base = p.latest().Status.DeepCopy()
		base.Conditions = slices.DeleteFunc(base.Conditions, func(cond v1.PodCondition) bool {
			return !slices.ContainsFunc(status.Conditions, func(own v1.PodCondition) bool { return own.Type == cond.Type })
		})
	}
	before, err := json.Marshal(v1.Pod{Status: *base})
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: p.uid}, Status: *status})
	if err != nil {
		return nil, err
	}
	return strategicpatch.CreateTwoWayMergePatch(before, after, v1.Pod{})
}

// status computes what to report. The caller holds p.mu and p.reportMu.
func (p *pod) status() v1.PodStatus {
	s := v1.PodStatus{
		ObservedGeneration: p.object.Generation,
		Phase:              p.phase(),
		HostIP:             p.n.cfg.NodeIP,
		HostIPs:            []v1.HostIP{{IP: p.n.cfg.NodeIP}},
		PodIP:              p.ip.String(),
		PodIPs:             []v1.PodIP{{IP: p.ip.String()}},
		StartTime:          &p.started,
		QOSClass:           p.object.Status.QOSClass,
	}
	var unready, uninitialized []string
	for _, c := range p.containers {
		cs := c.status()
		if c.init {
			s.InitContainerStatuses = append(s.InitContainerStatuses, cs)
			if !c.succeeded() && (!c.sidecar || !c.started) {
				uninitialized = append(uninitialized, c.spec.Name)
			}
		} else {
			s.ContainerStatuses = append(s.ContainerStatuses, cs)
		}
		if !cs.Ready && (!c.init || c.sidecar) {
			unready = append(unready, c.spec.Name)
		}
	}
	over := s.Phase == v1.PodSucceeded || s.Phase == v1.PodFailed
	initialized := v1.PodCondition{Type: v1.PodInitialized, Status: v1.ConditionTrue}
	if !p.initialized && len(uninitialized) > 0 {
		initialized = notTrue(v1.PodInitialized, "ContainersNotInitialized", "containers with incomplete status: ["+strings.Join(uninitialized, " ")+"]")
	}
	containers := v1.PodCondition{Type: v1.ContainersReady, Status: v1.ConditionTrue}
	switch {
	case s.Phase == v1.PodSucceeded:
		containers = notTrue(v1.ContainersReady, "PodCompleted", "")
	case over:
		containers = notTrue(v1.ContainersReady, "PodFailed", "")
	case len(unready) > 0:
		containers = notTrue(v1.ContainersReady, "ContainersNotReady", "containers with unready status: ["+strings.Join(unready, " ")+"]")
	}
	ready := containers
	ready.Type = v1.PodReady
	if gate := p.closedGate(); gate != "" && ready.Status == v1.ConditionTrue {
		ready = notTrue(v1.PodReady, "ReadinessGatesNotReady", fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate))
	}
	for _, cond := range []v1.PodCondition{
		{Type: v1.PodScheduled, Status: v1.ConditionTrue},
		{Type: v1.PodReadyToStartContainers, Status: v1.ConditionTrue},
		initialized, containers, ready,
	} {
		s.Conditions = append(s.Conditions, p.stamped(cond))
	}
	return s
}

// stamped gives a condition the time at which its status changed.
func (p *pod) stamped(cond v1.PodCondition) v1.PodCondition {
	old, ok := p.conditions[cond.Type]
	if ok && old.Status == cond.Status {
		cond.LastTransitionTime = old.LastTransitionTime
	} else {
		cond.LastTransitionTime = metav1.Now()
	}
	cond.ObservedGeneration = p.object.Generation
	p.conditions[cond.Type] = cond
	return cond
}

// closedGate returns a readiness gate that is not open, or nothing.
func (p *pod) closedGate() string {
	for _, gate := range p.object.Spec.ReadinessGates {
		open := false
		for _, cond := range p.object.Status.Conditions {
			open = open || cond.Type == gate.ConditionType && cond.Status == v1.ConditionTrue
		}
		if !open {
			return string(gate.ConditionType)
		}
	}
	return ""
}

func (p *pod) phase() v1.PodPhase {
	if p.failed {
		return v1.PodFailed
	}
	if !p.initialized {
		return v1.PodPending
	}
	ran, failed := false, false
	for _, c := range p.containers {
		if c.init {
			continue
		}
		ran = ran || c.state.Waiting == nil || c.last.Terminated != nil
		failed = failed || !c.succeeded()
	}
	switch {
	case p.ended && failed:
		return v1.PodFailed
	case p.ended:
		return v1.PodSucceeded
	case ran:
		return v1.PodRunning
	}
	return v1.PodPending
}

func (c *container) status() v1.ContainerStatus {
	started := c.started
	s := v1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, RestartCount: c.restarts,
		State: c.state, Ready: c.ready && c.pod.stopBy.IsZero(), Started: &started,
	}
	if c.init && !c.sidecar {
		s.Ready = c.succeeded()
	}
	if c.state.Terminated == nil {
		s.LastTerminationState = c.last
	}
	if c.state.Waiting == nil || c.last.Terminated != nil {
		s.ContainerID = c.id()
		h := fnv.New64a()
		_, _ = h.Write([]byte(c.spec.Image))
		s.ImageID = fmt.Sprintf("nodelet/%s@sha256:%064x", parseImage(c.spec.Image).repository, h.Sum64())
	}
	return s
}

func notTrue(kind v1.PodConditionType, reason, message string) v1.PodCondition {
	return v1.PodCondition{Type: kind, Status: v1.ConditionFalse, Reason: reason, Message: message}
}
