package nodelet

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod runs one pod from the moment it is bound to the moment it is gone.
type pod struct {
	n               *Nodelet
	namespace, name string
	uid             types.UID
	manifest        *v1.Pod // as first seen, for what cannot change
	hostname        string
	ip              netip.Addr
	started         metav1.Time
	dir             string // everything of the pod but its logs
	scratch         string // working directory of its programs
	volumes         *volumes
	resolvConf      []bindMount
	containers      []*container // init containers first, each group in order

	// stopCtx ends when the pod has to stop gently, lifeCtx when at once.
	stopCtx, lifeCtx context.Context
	stop, kill       context.CancelFunc
	done             chan struct{}
	dirty            chan struct{} // the status may have changed

	mu          sync.Mutex
	woken       chan struct{} // closed and replaced when a container changes
	object      *v1.Pod       // as last seen; never written to
	stopBy      time.Time
	initialized bool
	failed      bool // an init container failed for good
	ended       bool // all containers have ended by themselves

	reportMu   sync.Mutex // one report at a time
	reported   *v1.PodStatus
	conditions map[v1.PodConditionType]v1.PodCondition
}

func newPod(ctx context.Context, n *Nodelet, obj *v1.Pod) (*pod, error) {
	p := &pod{
		n: n, namespace: obj.Namespace, name: obj.Name, uid: obj.UID, manifest: obj, object: obj,
		hostname: obj.Name, started: metav1.Now(),
		dir:  filepath.Join(n.cfg.Dir, "pods", string(obj.UID)),
		done: make(chan struct{}), woken: make(chan struct{}), dirty: make(chan struct{}, 1),
		conditions: map[v1.PodConditionType]v1.PodCondition{},
	}
	if obj.Spec.Hostname != "" {
		p.hostname = obj.Spec.Hostname
	}
	if len(p.hostname) > 63 {
		p.hostname = p.hostname[:63]
	}
	var err error
	if obj.Spec.HostNetwork {
		p.ip, err = netip.ParseAddr(n.cfg.NodeIP)
	} else {
		p.ip, err = n.addresses.take(obj.Status.PodIP)
	}
	if err != nil {
		return nil, err
	}
	for _, cond := range obj.Status.Conditions {
		p.conditions[cond.Type] = cond
	}
	p.scratch = filepath.Join(p.dir, "work")
	p.volumes = &volumes{dir: filepath.Join(p.dir, "volumes"), pod: obj, get: n.objects,
		base: map[string]string{"POD_IP": p.ip.String(), "NODE_IP": n.cfg.NodeIP}}
	p.lifeCtx, p.kill = context.WithCancel(ctx)
	p.stopCtx, p.stop = context.WithCancel(p.lifeCtx)
	for i := range obj.Spec.InitContainers {
		spec := &obj.Spec.InitContainers[i]
		always := spec.RestartPolicy != nil && *spec.RestartPolicy == v1.ContainerRestartPolicyAlways
		p.addContainer(&container{spec: spec, init: true, sidecar: always})
	}
	for i := range obj.Spec.Containers {
		p.addContainer(&container{spec: &obj.Spec.Containers[i]})
	}
	return p, nil
}

func (p *pod) addContainer(c *container) {
	c.pod = p
	c.state.Waiting = &v1.ContainerStateWaiting{Reason: reasonCreating}
	if len(p.object.Spec.InitContainers) > 0 {
		c.state.Waiting.Reason = reasonInitializing
	}
	// A nodelet that was restarted lost the processes of its pods.
	for _, s := range slices.Concat(p.object.Status.InitContainerStatuses, p.object.Status.ContainerStatuses) {
		if s.Name == c.spec.Name && s.State.Waiting == nil {
			c.restarts = s.RestartCount + 1
		}
	}
	p.containers = append(p.containers, c)
}

// run is the pod's life.
func (p *pod) run() {
	defer close(p.done)
	reporter := make(chan struct{})
	go func() { defer close(reporter); p.reportChanges() }()

	var wg sync.WaitGroup
	if next, ok := p.setUp(); ok {
		go p.refreshVolumes(next)
		if p.runInit(&wg) {
			for _, c := range p.containers {
				if !c.init {
					wg.Go(c.run)
				}
			}
		}
		p.waitContainers()
	}
	if p.stopCtx.Err() == nil { // Succeeded or Failed
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.changed()
		<-p.stopCtx.Done()
	}
	wg.Wait()
	if p.lifeCtx.Err() == nil {
		p.deleteObject()
	}
	p.kill()
	<-reporter
	_ = os.RemoveAll(p.dir)
	if !p.manifest.Spec.HostNetwork {
		p.n.addresses.release(p.ip)
	}
}

// setUp writes the volumes and waits for what they need. It returns when they
// have to be refreshed, and false if the pod stops first.
func (p *pod) setUp() (next time.Time, ok bool) {
	pause := 100 * time.Millisecond
	for p.stopCtx.Err() == nil {
		next, err := p.setUpOnce()
		if err == nil {
			return next, true
		}
		if p.stopCtx.Err() != nil {
			break
		}
		p.warn("FailedMount", err.Error())
		p.n.log.Warn("pod cannot be set up yet", "pod", p.namespace+"/"+p.name, "error", err)
		if !sleep(p.stopCtx, pause) {
			break
		}
		pause = min(2*pause, 5*time.Second)
	}
	return time.Time{}, false
}

func (p *pod) setUpOnce() (next time.Time, err error) {
	if err := os.MkdirAll(p.scratch, 0o777); err != nil {
		return next, err
	}
	if p.manifest.Spec.DNSPolicy != v1.DNSDefault && p.resolvConf == nil {
		file := filepath.Join(p.dir, "resolv.conf")
		text := fmt.Sprintf("search %[1]s.svc.cluster.local svc.cluster.local cluster.local\nnameserver %[2]s\noptions ndots:5 timeout:1\n", p.namespace, p.n.cfg.ClusterDNS)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return next, err
		}
		p.resolvConf = []bindMount{{Source: file, Target: "/etc/resolv.conf"}}
	}
	return p.volumes.setUp(p.stopCtx)
}

// refreshVolumes renews tokens and follows changes of ConfigMaps and Secrets.
func (p *pod) refreshVolumes(next time.Time) {
	vs := *p.volumes
	for !next.IsZero() && sleep(p.stopCtx, time.Until(next)) {
		vs.pod = p.latest()
		var err error
		if next, err = vs.setUp(p.stopCtx); err != nil && p.stopCtx.Err() == nil {
			p.n.log.Warn("volumes not refreshed", "pod", p.namespace+"/"+p.name, "error", err)
			next = time.Now().Add(configRefresh)
		}
	}
}

// runInit runs the init containers one after the other. Sidecars stay.
func (p *pod) runInit(wg *sync.WaitGroup) bool {
	for _, c := range p.containers {
		if !c.init {
			continue
		}
		if c.sidecar {
			wg.Go(c.run)
			if !p.await(func() bool { return c.started }) {
				return false
			}
			continue
		}
		c.run()
		p.mu.Lock()
		ok := c.succeeded()
		p.failed = !ok && p.stopCtx.Err() == nil
		p.mu.Unlock()
		if !ok {
			return false
		}
	}
	p.mu.Lock()
	p.initialized = true
	for _, c := range p.containers {
		if !c.init && c.state.Waiting != nil {
			c.state.Waiting = &v1.ContainerStateWaiting{Reason: reasonCreating}
		}
	}
	p.mu.Unlock()
	p.changed()
	return true
}

// waitContainers returns when the pod stops or no container will run again.
// Sidecars do not keep a pod alive.
func (p *pod) waitContainers() {
	p.await(func() bool {
		if p.failed {
			return true
		}
		for _, c := range p.containers {
			if !c.init && !c.finished {
				return false
			}
		}
		return true
	})
}

// await waits for a condition on guarded fields; false if the pod stops first.
func (p *pod) await(cond func() bool) bool {
	for {
		p.mu.Lock()
		ok, woken := cond(), p.woken
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-woken:
		case <-p.stopCtx.Done():
			return false
		}
	}
}

// see takes a newer version of the pod's object.
func (p *pod) see(obj *v1.Pod) {
	p.mu.Lock()
	p.object = obj
	stopping := obj.DeletionTimestamp != nil && p.stopBy.IsZero()
	if stopping {
		grace := int64(30)
		if obj.DeletionGracePeriodSeconds != nil {
			grace = *obj.DeletionGracePeriodSeconds
		}
		p.stopBy = time.Now().Add(time.Duration(grace) * time.Second)
		for _, c := range p.containers {
			c.ready = false
		}
	}
	p.mu.Unlock()
	if !stopping {
		p.changed() // a readiness gate may have been set
		return
	}
	go func() {
		// Who reads the status shall know before the program does.
		ctx, cancel := context.WithTimeout(p.lifeCtx, time.Second)
		_ = p.report(ctx)
		cancel()
		p.stop()
	}()
}

func (p *pod) latest() *v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

func (p *pod) deadline() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopBy
}

// gracePeriod is how long a container may take to end when a probe condemned it.
func (p *pod) gracePeriod(probe *v1.Probe) time.Duration {
	grace := p.latest().Spec.TerminationGracePeriodSeconds
	if probe != nil && probe.TerminationGracePeriodSeconds != nil {
		grace = probe.TerminationGracePeriodSeconds
	}
	if grace == nil {
		return 30 * time.Second
	}
	return time.Duration(*grace) * time.Second
}

// deleteObject removes the object of a pod whose processes have ended.
func (p *pod) deleteObject() {
	now := int64(0)
	for p.lifeCtx.Err() == nil {
		err := p.n.cfg.Client.CoreV1().Pods(p.namespace).Delete(p.lifeCtx, p.name, metav1.DeleteOptions{
			GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &p.uid},
		})
		if err == nil || gone(err) {
			return
		}
		p.n.log.Warn("pod not deleted, will be tried again", "pod", p.namespace+"/"+p.name, "error", err)
		sleep(p.lifeCtx, 500*time.Millisecond)
	}
}
