package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The digests below have to be those of agent/workload, which the plugin may not link: its kinds
// come with everything that it takes to render them. The tests pin values that the agent computes.

// ofDaemonSet takes the content of the newest entry of the history, without the node selector by
// which the agent scales a DaemonSet to zero.
func ofDaemonSet(ctx context.Context, client dynamic.Interface, namespace, name string) (Revision, error) {
	d, err := client.Resource(daemonSets).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Revision{}, err
	}
	if !observed(d) {
		return Revision{}, fmt.Errorf("daemonset %s: %w", name, ErrUnsettled)
	}
	history, err := historyOf(ctx, client.Resource(controllerRevisions).Namespace(namespace), d)
	if err != nil {
		return Revision{}, err
	}
	newest, number := "", int64(-1)
	digests := make([]string, len(history))
	for i := range history {
		digests[i] = templateDigest(&history[i])
		if n, _, _ := unstructured.NestedInt64(history[i].Object, "revision"); digests[i] != "" && n > number {
			newest, number = digests[i], n
		}
	}
	if newest == "" {
		return Revision{}, fmt.Errorf("daemonset %s: %w", name, ErrUnsettled)
	}
	r := Revision{ID: "cr:" + newest}
	for i := range history {
		at := history[i].GetCreationTimestamp().Time
		if digests[i] == newest && (r.Since.IsZero() || at.Before(r.Since)) {
			r.Since = at
		}
	}
	return r, nil
}

func templateDigest(entry *unstructured.Unstructured) string {
	data, ok := entry.Object["data"].(map[string]any)
	if !ok {
		return ""
	}
	data = runtime.DeepCopyJSON(data)
	path := []string{"spec", "template", "spec", "nodeSelector"}
	if nodes, ok, _ := unstructured.NestedMap(data, path...); ok {
		delete(nodes, v1beta1.ScaleToZeroSelector)
		if len(nodes) == 0 {
			unstructured.RemoveNestedField(data, path...)
		} else if unstructured.SetNestedMap(data, nodes, path...) != nil {
			return ""
		}
	}
	return digest(data)
}

// ofService takes what a user says about where a Service leads to.
func ofService(ctx context.Context, client dynamic.Interface, namespace, name string) (Revision, error) {
	object, err := client.Resource(services).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Revision{}, err
	}
	s := &corev1.Service{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, s); err != nil {
		return Revision{}, fmt.Errorf("cannot read service %s: %w", name, err)
	}
	return Revision{ID: "svc:" + digest(userFields(s))}, nil
}

func userFields(s *corev1.Service) map[string]any {
	ports := make([]any, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		port := map[string]any{
			"name": p.Name, "port": p.Port, "targetPort": p.TargetPort.String(), "protocol": p.Protocol,
		}
		if p.AppProtocol != nil {
			port["appProtocol"] = *p.AppProtocol
		}
		ports = append(ports, port)
	}
	selector := map[string]any{}
	for key, value := range s.Spec.Selector {
		selector[key] = value
	}
	fields := map[string]any{"type": s.Spec.Type, "selector": selector, "ports": ports}
	if s.Spec.ExternalName != "" {
		fields["externalName"] = s.Spec.ExternalName
	}
	if a := s.Spec.SessionAffinity; a != "" && a != corev1.ServiceAffinityNone {
		fields["sessionAffinity"] = a
	}
	return fields
}

// digest of a value as canonical JSON: keys in order, without nulls.
func digest(value any) string {
	text, err := json.Marshal(withoutNulls(value))
	if err != nil {
		return "" // Not for what came as JSON.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, item := range value {
			if item != nil {
				out[key] = withoutNulls(item)
			}
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = withoutNulls(item)
		}
		return out
	}
	return value
}

func selectorOf(raw map[string]any) (string, error) {
	s := &metav1.LabelSelector{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, s); err != nil {
		return "", err
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return "", err
	}
	if selector.Empty() {
		return labels.Everything().String(), nil
	}
	return selector.String(), nil
}
