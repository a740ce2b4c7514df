package nodelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"log/slog"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// Nodelet is a node. Use New.
type Nodelet struct {
	cfg       Config
	log       *slog.Logger
	addresses *addressPool
	objects   *objects
	events    record.EventRecorder
	launch    *launcher

	mu      sync.Mutex
	pods    map[types.UID]*pod
	binding map[types.UID]bool
	running sync.WaitGroup // pods
}

// New returns a node that is not running yet. Run reports what is wrong with the
// configuration.
func New(cfg Config) *Nodelet {
	return &Nodelet{
		cfg: cfg, log: cfg.Log, objects: newObjects(cfg.Client),
		pods: map[types.UID]*pod{}, binding: map[types.UID]bool{},
	}
}

// Run registers the node and runs its pods until ctx ends. Then it kills all
// processes, waits for their end and returns nil; the API objects stay as they
// are, as they do when a machine loses its power.
func (n *Nodelet) Run(ctx context.Context) error {
	if err := n.cfg.complete(); err != nil {
		return err
	}
	n.log = n.cfg.Log
	if err := os.MkdirAll(filepath.Join(n.cfg.Dir, "pods"), 0o755); err != nil {
		return fmt.Errorf("nodelet: create directory for pods: %w", err)
	}
	n.addresses = newAddressPool(n.cfg.PodCIDR)
	launcherDone := make(chan struct{})
	defer close(launcherDone) // after all pods: their life hangs on its thread
	n.launch = newLauncher(launcherDone)
	ctx, cancel := context.WithCancel(ctx)
	defer n.running.Wait()
	defer cancel()

	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&corev1.EventSinkImpl{Interface: n.cfg.Client.CoreV1().Events("")})
	n.events = broadcaster.NewRecorder(scheme.Scheme, v1.EventSource{Component: "nodelet", Host: n.cfg.NodeName})

	stopServing, err := n.serve()
	if err != nil {
		return err
	}
	defer stopServing()
	if err := n.register(ctx); err != nil {
		return err
	}
	go n.keepAlive(ctx)
	if err := n.watchPods(ctx); err != nil {
		return err
	}
	n.log.Info("node is running", "node", n.cfg.NodeName, "address", n.cfg.NodeIP, "pods", n.cfg.PodCIDR)
	<-ctx.Done()
	return nil
}

// watchPods starts the one watch that feeds the node: a pod without a node is
// bound, one of this node is run.
func (n *Nodelet) watchPods(ctx context.Context) error {
	lw := cache.NewListWatchFromClient(n.cfg.Client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, fields.Everything())
	informer := cache.NewSharedInformer(lw, &v1.Pod{}, 0)
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { n.observe(ctx, o.(*v1.Pod)) },
		UpdateFunc: func(_, o any) { n.observe(ctx, o.(*v1.Pod)) },
		DeleteFunc: func(o any) {
			if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = d.Obj
			}
			n.forget(o.(*v1.Pod))
		},
	}); err != nil {
		return fmt.Errorf("nodelet: watch pods: %w", err)
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("nodelet: list pods: %w", context.Cause(ctx))
	}
	return nil
}

func (n *Nodelet) observe(ctx context.Context, obj *v1.Pod) {
	switch {
	case obj.Spec.NodeName == "":
		n.bind(ctx, obj)
		return
	case obj.Spec.NodeName != n.cfg.NodeName:
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pods[obj.UID]
	if p == nil {
		var err error
		if p, err = newPod(ctx, n, obj); err != nil {
			n.log.Error("pod not started", "pod", obj.Namespace+"/"+obj.Name, "error", err)
			n.events.Event(obj, v1.EventTypeWarning, "FailedCreatePodSandBox", err.Error())
			return
		}
		n.pods[obj.UID] = p
		n.running.Go(p.run)
	}
	p.see(obj)
}

func (n *Nodelet) forget(obj *v1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.binding, obj.UID)
	if p := n.pods[obj.UID]; p != nil {
		p.kill()
		delete(n.pods, obj.UID)
	}
}

// find returns the newest pod of the name.
func (n *Nodelet) find(namespace, name string) *pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found *pod
	for _, p := range n.pods {
		if p.namespace == namespace && p.name == name && (found == nil || found.started.Before(&p.started)) {
			found = p
		}
	}
	return found
}

// Kill sends a signal to the process of a running container, so that tests can
// crash it (SIGKILL) or make it hang (SIGSTOP).
func (n *Nodelet) Kill(namespace, name, containerName string, sig syscall.Signal) error {
	p := n.find(namespace, name)
	if p == nil {
		return fmt.Errorf("kill container %s of pod %s/%s: the node runs no such pod", containerName, namespace, name)
	}
	for _, c := range p.containers {
		if c.spec.Name != containerName {
			continue
		}
		p.mu.Lock()
		proc := c.process
		p.mu.Unlock()
		if proc == nil {
			return fmt.Errorf("kill container %s of pod %s/%s: it is not running; wait until it is", containerName, namespace, name)
		}
		if err := proc.kill(sig); err != nil {
			return fmt.Errorf("kill container %s of pod %s/%s: %w", containerName, namespace, name, err)
		}
		return nil
	}
	return fmt.Errorf("kill container %s of pod %s/%s: the pod has no such container", containerName, namespace, name)
}

// retry calls f until it succeeds or ctx ends.
func retry(ctx context.Context, f func() error) error {
	pause := 100 * time.Millisecond
	for {
		err := f()
		if err == nil {
			return nil
		}
		if !sleep(ctx, pause) {
			return err
		}
		pause = min(2*pause, 2*time.Second)
	}
}
