package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
)

// agentNamespace is where the agent is, for users who may not look for it everywhere.
const agentNamespace = "canary-system"

var podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// group is all pods of one origin: a namespace, or all, and a label selector.
type group struct {
	origin, namespace, selector string
	pods                        []corev1.Pod
}

// container is one that has a log.
type container struct {
	origin, namespace, pod, name string
	// run tells the containers of one name apart that follow each other in a pod.
	run string
	// running is true while it may still write.
	running bool
}

// prefix is what its lines begin with.
func (c container) prefix() string {
	if c.origin == fromAgent {
		return c.origin + "/" + c.pod + ": "
	}
	return c.origin + "/" + c.pod + " " + c.name + ": "
}

// reader finds and reads the logs of one canary.
type reader struct {
	*Options
	sink
	client  dynamic.Interface
	open    *opener
	foreign bool
}

// sink takes what a reader finds. Lines come from one goroutine, the rest may come from several.
type sink interface {
	line(c container, text string, at time.Time) error
	// leaveOut says that something cannot be read.
	leaveOut(Omission) error
	// lost says that the connection is lost; it is tried again.
	lost(err error) error
}

func (r *reader) leaveOut(origin string, err error) error {
	return r.sink.leaveOut(Omission{Origin: origin, Err: err})
}

// leaveOutPod is leaveOut for one container.
func (r *reader) leaveOutPod(c container, doing string, err error) error {
	return r.sink.leaveOut(Omission{Origin: c.origin, Pod: c.pod, Err: r.Cluster.Explain(err, fmt.Sprintf("%s of pod %s", doing, c.pod))})
}

func newReader(o *Options, client dynamic.Interface, s sink) (*reader, error) {
	config, err := o.Cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	opener, err := newOpener(config)
	if err != nil {
		return nil, fmt.Errorf("cannot use the kubeconfig: %w", err)
	}
	return &reader{Options: o, sink: s, client: client, open: opener}, nil
}

// groups finds the pods of all origins that are asked for.
func (r *reader) groups(ctx context.Context, c *v1beta1.Canary) ([]group, error) {
	var out []group
	for _, origin := range r.From {
		g, err := r.group(ctx, origin, c)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			if err := r.leaveOut(origin, err); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, g)
	}
	if len(out) == 0 {
		return nil, errNothing
	}
	return out, r.checkContainer(out)
}

func (r *reader) group(ctx context.Context, origin string, c *v1beta1.Canary) (group, error) {
	if origin == fromAgent {
		return r.agents(ctx)
	}
	for _, w := range feed.Workloads(c) {
		if string(w.Side) != origin {
			continue
		}
		object, err := r.client.Resource(w.Resource).Namespace(r.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return group{}, r.Cluster.Explain(err, fmt.Sprintf("read %s %s", w.Kind, w.Name))
		}
		g := group{origin: origin, namespace: r.Namespace, selector: feed.PodSelector(object)}
		if g.selector == "" {
			return group{}, fmt.Errorf("%s %s selects no pods by labels", w.Kind, w.Name)
		}
		err = r.list(ctx, &g)
		return g, err
	}
	return group{}, fmt.Errorf("%s %s has no pods of its own", c.Spec.TargetRef.Kind, c.Spec.TargetRef.Name)
}

// agents finds the pods of the controller, in all namespaces or in the usual one.
func (r *reader) agents(ctx context.Context) (group, error) {
	g := group{origin: fromAgent, selector: "app.kubernetes.io/name=canary-agent"}
	if r.foreign {
		g.selector = "app.kubernetes.io/name=flagger"
	}
	err := r.list(ctx, &g)
	if apierrors.IsForbidden(err) {
		g.namespace = agentNamespace
		err = r.list(ctx, &g)
	}
	if err == nil && len(g.pods) == 0 {
		err = fmt.Errorf("no pod with label %s was found", g.selector)
	}
	return g, err
}

func (r *reader) list(ctx context.Context, g *group) error {
	items, err := feed.List(ctx, r.pods(*g), metav1.ListOptions{LabelSelector: g.selector})
	if err != nil {
		return r.Cluster.Explain(err, fmt.Sprintf("list the pods with labels %s", g.selector))
	}
	g.pods = nil
	for i := range items {
		if p := podOf(&items[i]); p != nil {
			g.pods = append(g.pods, *p)
		}
	}
	return nil
}

func (r *reader) pods(g group) dynamic.ResourceInterface {
	if g.namespace == "" {
		return r.client.Resource(podResource)
	}
	return r.client.Resource(podResource).Namespace(g.namespace)
}

// podOf is nil for a pod that cannot be read.
func podOf(object *unstructured.Unstructured) *corev1.Pod {
	p := &corev1.Pod{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, p) != nil {
		return nil
	}
	return p
}

// containers of a pod that have begun to write.
func (r *reader) containers(origin string, p *corev1.Pod) []container {
	var out []container
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if origin != fromAgent && r.Container != "" && s.Name != r.Container {
			continue
		}
		if s.State.Running == nil && s.State.Terminated == nil && s.RestartCount == 0 {
			continue
		}
		out = append(out, container{
			origin: origin, namespace: p.Namespace, pod: p.Name, name: s.Name,
			run: fmt.Sprint(p.UID, "/", s.Name, "/", s.RestartCount), running: s.State.Running != nil,
		})
	}
	return out
}

// checkContainer finds a container that no pod has.
func (r *reader) checkContainer(groups []group) error {
	if r.Container == "" {
		return nil
	}
	var names []string
	for _, g := range groups {
		if g.origin == fromAgent {
			continue
		}
		for _, p := range g.pods {
			for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
				if c.Name == r.Container {
					return nil
				}
				if !slices.Contains(names, c.Name) {
					names = append(names, c.Name)
				}
			}
		}
	}
	if len(names) == 0 {
		return nil // There is no pod at present; its container may have the name.
	}
	slices.Sort(names)
	return fmt.Errorf("the pods of canary %q have no container %q; they have %s", r.Name, r.Container, strings.Join(names, ", "))
}
