package create

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// findPort reads the first container port of the target.
func (o *Options) findPort(ctx context.Context) (int32, error) {
	what := strings.ToLower(o.kind) + " " + fmt.Sprintf("%q in namespace %q", o.workload, o.Namespace)
	const instead = "give the port with --service-port"
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return 0, fmt.Errorf("cannot read the port of %s: %w; or %s", what, err, instead)
	}
	gvr := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(o.kind) + "s"}
	object, err := client.Resource(gvr).Namespace(o.Namespace).Get(ctx, o.workload, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return 0, fmt.Errorf("there is no %s to read the port from: create it first, or %s", what, instead)
	}
	if err != nil {
		return 0, fmt.Errorf("%w; or %s", o.Cluster.Explain(err, "read the port of "+what), instead)
	}
	containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		container, _ := c.(map[string]any)
		ports, _, _ := unstructured.NestedSlice(container, "ports")
		for _, p := range ports {
			port, _ := p.(map[string]any)
			if protocol, _ := port["protocol"].(string); protocol != "" && protocol != "TCP" {
				continue
			}
			if number, _ := port["containerPort"].(int64); number > 0 && number <= 65535 {
				return int32(number), nil
			}
		}
	}
	return 0, fmt.Errorf("the containers of %s name no TCP port: %s", what, instead)
}
