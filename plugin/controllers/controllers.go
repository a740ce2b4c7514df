package controllers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Kind of a controller.
type Kind string

const (
	// Agent is the one of this project.
	Agent Kind = "agent"
	// Flagger is the other one. The agent does nothing as long as it runs.
	Flagger Kind = "flagger"
)

// AgentName is the name of the agent in its labels, of its Deployment as it is installed, and of its
// lease.
const AgentName = "canary-agent"

// AgentNamespace is where the agent is installed unless told otherwise.
const AgentNamespace = "canary-system"

// flaggerName is that of the other controller: of its container, and in its labels.
const flaggerName = "flagger"

// Controller is the Deployment of a controller.
type Controller struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Version is that of the label app.kubernetes.io/version, or else the tag of the image; empty when
	// neither says it.
	Version string `json:"version,omitempty"`
	Image   string `json:"image,omitempty"`
	// Replicas that are wanted. A controller with 0 does nothing.
	Replicas int32 `json:"replicas"`
	// Ready replicas.
	Ready int32 `json:"readyReplicas"`
	// Scope is the one namespace whose canaries it looks after; empty for all.
	Scope string `json:"scope,omitempty"`
	// Args of its container.
	Args []string `json:"-"`
	// ServiceAccount it runs under.
	ServiceAccount string `json:"-"`
	// UID of the Deployment.
	UID types.UID `json:"-"`
	// Selector of its pods, as a label selector.
	Selector string `json:"-"`
}

// Running is true for a controller that is wanted, whether or not it is ready.
func (c Controller) Running() bool { return c.Replicas > 0 }

// Serves is true when the controller looks after the canaries of a namespace; "" stands for any.
func (c Controller) Serves(namespace string) bool {
	return c.Running() && (c.Scope == "" || namespace == "" || c.Scope == namespace)
}

// Flag is the value of a flag of the controller, with one dash or two; empty when it is not given.
func (c Controller) Flag(name string) string {
	value := ""
	for i, arg := range c.Args {
		bare, dashed := strings.CutPrefix(arg, "-")
		if !dashed {
			continue
		}
		bare = strings.TrimPrefix(bare, "-")
		switch given, after, assigned := strings.Cut(bare, "="); {
		case given != name:
		case assigned:
			value = after
		case i+1 < len(c.Args):
			value = c.Args[i+1]
		}
	}
	return strings.ReplaceAll(value, "$(POD_NAMESPACE)", c.Namespace)
}

// String names the controller for people.
func (c Controller) String() string { return c.Namespace + "/" + c.Name }

// selections find the controllers without listing all Deployments: by the labels that their manifests
// have, and by name for those without.
var selections = []metav1.ListOptions{
	{LabelSelector: "app.kubernetes.io/name in (" + AgentName + "," + flaggerName + ")"},
	{LabelSelector: "app=" + flaggerName},
	{FieldSelector: "metadata.name=" + flaggerName},
}

// atMost bounds each answer: nobody runs that many controllers.
const atMost = 50

// Find lists the controllers of a cluster, agents first. It takes three requests. Where the user may
// not list Deployments in all namespaces, it looks in the given one, unless it is empty, and where
// both controllers are installed by default; then what it finds may not be all, and partial is true.
// The error is that of the API server, apierrors.IsForbidden when nothing may be read at all.
func Find(ctx context.Context, client dynamic.Interface, namespace string) (found []Controller, partial bool, err error) {
	found, err = in(ctx, client, metav1.NamespaceAll)
	if !apierrors.IsForbidden(err) {
		return found, false, err
	}
	places := []string{AgentNamespace, flaggerName + "-system"}
	if namespace != "" && !slices.Contains(places, namespace) {
		places = append(places, namespace)
	}
	readable := false
	for _, place := range places {
		here, problem := in(ctx, client, place)
		if problem != nil {
			continue
		}
		readable = true
		found = append(found, here...)
	}
	if !readable {
		return nil, true, err
	}
	return found, true, nil
}

func in(ctx context.Context, client dynamic.Interface, namespace string) ([]Controller, error) {
	resource := client.Resource(deployments).Namespace(namespace)
	var found []Controller
	for _, options := range selections {
		options.Limit = atMost
		list, err := resource.List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			d := &deployment{}
			if runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, d) != nil {
				continue
			}
			c, ok := of(d)
			if ok && !slices.ContainsFunc(found, func(have Controller) bool { return have.String() == c.String() }) {
				found = append(found, c)
			}
		}
	}
	slices.SortFunc(found, func(a, b Controller) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.String(), b.String()))
	})
	return found, nil
}

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// deployment is what matters of a Deployment. The type of the API brings everything of its group along.
type deployment struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Replicas *int32                 `json:"replicas"`
		Selector *metav1.LabelSelector  `json:"selector"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
	Status struct {
		ReadyReplicas int32 `json:"readyReplicas"`
	} `json:"status"`
}

// of reads a Deployment; ok is false for one that is no controller.
func of(d *deployment) (c Controller, ok bool) {
	c = Controller{
		Namespace: d.Namespace, Name: d.Name, Replicas: 1, Ready: d.Status.ReadyReplicas, UID: d.UID,
		ServiceAccount: cmp.Or(d.Spec.Template.Spec.ServiceAccountName, "default"),
		Selector:       metav1.FormatLabelSelector(d.Spec.Selector),
	}
	if d.Spec.Replicas != nil {
		c.Replicas = *d.Spec.Replicas
	}
	containers := d.Spec.Template.Spec.Containers
	at := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == flaggerName })
	switch {
	case d.Labels["app.kubernetes.io/name"] == AgentName:
		c.Kind = Agent
		if at = slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == "agent" }); at < 0 {
			at = 0
		}
	case at >= 0 && isFlagger(d):
		c.Kind = Flagger
	default:
		return c, false
	}
	if at < len(containers) {
		c.Image = containers[at].Image
		c.Args = slices.Concat(containers[at].Command, containers[at].Args)
	}
	c.Version = cmp.Or(d.Labels["app.kubernetes.io/version"], tagOf(c.Image))
	c.Scope = c.Flag("namespace")
	return c, true
}

// isFlagger recognises it as the agent does (agent/controller/rivals.go): by its name or by the labels
// that it selects its pods by, and not its load tester, whose container has another name.
func isFlagger(d *deployment) bool {
	if d.Name == flaggerName || strings.HasSuffix(d.Name, "-"+flaggerName) {
		return true
	}
	if d.Spec.Selector == nil {
		return false
	}
	for _, key := range []string{"app.kubernetes.io/name", "app", "name"} {
		if d.Spec.Selector.MatchLabels[key] == flaggerName {
			return true
		}
	}
	return false
}

func tagOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[i+1:]
	}
	return ""
}
