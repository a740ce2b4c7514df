package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Role is one of the three Services of a canary.
type Role int

const (
	// Apex is the Service that clients know; it selects the primary.
	Apex Role = iota
	// Primary selects the primary's pods.
	Primary
	// Canary selects the target's pods.
	Canary
)

// ServiceName is the name of the Service in a role.
func ServiceName(c *v1beta1.Canary, role Role) string {
	switch role {
	case Primary:
		return c.PrimaryServiceName()
	case Canary:
		return c.CanaryServiceName()
	case Apex:
	}
	return c.ApexName()
}

// sidecars have ports of their own that are no part of the application.
var sidecars = []string{"istio-proxy", "envoy"}

// newService starts the Service in a role. Its ports and selector are still to come.
func newService(c *v1beta1.Canary, role Role) *corev1.Service {
	svc := &corev1.Service{}
	svc.APIVersion, svc.Kind = "v1", "Service"
	svc.Name, svc.Namespace = ServiceName(c, role), c.Namespace
	svc.Annotations = v1beta1.GitOpsOff()
	return svc
}

// customMetadata is what the Canary says about labels and annotations of the Service in a role.
func customMetadata(c *v1beta1.Canary, role Role) v1beta1.CustomMetadata {
	custom := c.Spec.Service.Apex
	switch role {
	case Primary:
		custom = c.Spec.Service.Primary
	case Canary:
		custom = c.Spec.Service.Canary
	case Apex:
	}
	if custom == nil {
		return v1beta1.CustomMetadata{}
	}
	return *custom
}

// renderService gives the Service in a role as it ought to be for a target with pods. A live
// Service that the Canary does not own keeps its owner, labels and type: only ports and selector
// are the agent's.
func renderService(c *v1beta1.Canary, role Role, s Selector, containers []corev1.Container, live *corev1.Service) *corev1.Service {
	svc := newService(c, role)
	svc.Spec.Selector = map[string]string{s.Key: s.PrimaryValue()}
	if role == Canary {
		svc.Spec.Selector[s.Key] = s.Value
	}
	svc.Spec.Ports = servicePorts(c, containers)
	if live != nil && !OwnedBy(live, c) {
		return svc
	}
	custom := customMetadata(c, role)
	maps.Copy(svc.Annotations, custom.Annotations)
	svc.Labels = map[string]string{}
	maps.Copy(svc.Labels, custom.Labels)
	svc.Labels[s.Key] = svc.Name
	if c.Spec.Service.Headless && mayBeHeadless(live) {
		svc.Spec.ClusterIP = corev1.ClusterIPNone
	}
	if live != nil && live.Spec.Type == corev1.ServiceTypeExternalName {
		svc.Spec.Type = corev1.ServiceTypeClusterIP // It would ignore the selector.
	}
	if d := c.Spec.Service.TrafficDistribution; d != "" {
		svc.Spec.TrafficDistribution = &d
	}
	return svc
}

// mayBeHeadless says whether Kubernetes would let a Service have no address: one that has been
// given an address keeps it, and asking for anything else makes every write of it fail.
func mayBeHeadless(live *corev1.Service) bool {
	return live == nil || live.Spec.ClusterIP == corev1.ClusterIPNone || live.Spec.Type == corev1.ServiceTypeExternalName
}

func servicePorts(c *v1beta1.Canary, containers []corev1.Container) []corev1.ServicePort {
	main := corev1.ServicePort{
		Name:       c.PortName(),
		Protocol:   corev1.ProtocolTCP,
		Port:       c.Spec.Service.Port,
		TargetPort: c.TargetPort(),
	}
	if p := c.Spec.Service.AppProtocol; p != "" {
		main.AppProtocol = &p
	}
	ports := []corev1.ServicePort{main}
	if !c.Spec.Service.PortDiscovery {
		return ports
	}
	for _, container := range containers {
		if slices.Contains(sidecars, container.Name) {
			continue
		}
		for i, p := range container.Ports {
			if isTarget(p, main.TargetPort) || slices.ContainsFunc(ports, func(o corev1.ServicePort) bool {
				return o.Port == p.ContainerPort && o.Protocol == protocol(p)
			}) {
				continue
			}
			name := p.Name
			if name == "" || slices.ContainsFunc(ports, func(o corev1.ServicePort) bool { return o.Name == name }) {
				name = fmt.Sprintf("%s-%s-%d", strings.ToLower(string(protocol(p))), container.Name, i)
			}
			ports = append(ports, corev1.ServicePort{
				Name: name, Protocol: protocol(p), Port: p.ContainerPort, TargetPort: intstr.FromInt32(p.ContainerPort),
			})
		}
	}
	return ports
}

func protocol(p corev1.ContainerPort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

// isTarget says whether a container port is the one behind the main port, which is TCP: a server of
// DNS listens on the same number in two protocols.
func isTarget(p corev1.ContainerPort, target intstr.IntOrString) bool {
	if protocol(p) != corev1.ProtocolTCP {
		return false
	}
	if target.Type == intstr.String {
		return p.Name == target.StrVal
	}
	return p.ContainerPort == target.IntVal
}

// ServiceCurrent says whether applying the rendered Service would change nothing that matters. What
// others have added is left alone; what the agent itself has applied and renders no longer is not.
// A change from headless to an address and back is impossible in place and therefore no difference.
func ServiceCurrent(want, live *corev1.Service) bool {
	if live == nil || !maps.Equal(want.Spec.Selector, live.Spec.Selector) {
		return false
	}
	for _, p := range want.Spec.Ports {
		if !slices.ContainsFunc(live.Spec.Ports, func(o corev1.ServicePort) bool { return samePort(p, o) }) {
			return false
		}
	}
	if want.Spec.Type != "" && want.Spec.Type != live.Spec.Type ||
		want.Spec.ExternalName != "" && want.Spec.ExternalName != live.Spec.ExternalName ||
		want.Spec.SessionAffinity != "" && want.Spec.SessionAffinity != live.Spec.SessionAffinity ||
		want.Spec.PublishNotReadyAddresses && !live.Spec.PublishNotReadyAddresses {
		return false
	}
	if d := want.Spec.TrafficDistribution; d != nil && (live.Spec.TrafficDistribution == nil || *d != *live.Spec.TrafficDistribution) {
		return false
	}
	return contains(live.Labels, want.Labels) && contains(live.Annotations, want.Annotations) && !leftover(want, live)
}

// appliedFields is an annotation of cached Services: the removable fields that the agent has applied,
// so that the managed fields, which say the same at length, need not be cached.
const appliedFields = "kubectl-canary/applied-fields"

// leftover says whether the agent has applied a field that it renders no longer.
func leftover(want, live *corev1.Service) bool {
	for field := range strings.SplitSeq(live.Annotations[appliedFields], " ") {
		switch {
		case field == "":
		case field == "trafficDistribution":
			if want.Spec.TrafficDistribution == nil && live.Spec.TrafficDistribution != nil {
				return true
			}
		case field == "publishNotReadyAddresses":
			if !want.Spec.PublishNotReadyAddresses && live.Spec.PublishNotReadyAddresses {
				return true
			}
		case !slices.ContainsFunc(want.Spec.Ports, func(p corev1.ServicePort) bool { return portKey(p.Port, p.Protocol) == field }):
			return true
		}
	}
	return false
}

func portKey(port int32, p corev1.Protocol) string { return fmt.Sprintf("%d/%s", port, p) }

// appliedTo lists the removable fields of a Service that the agent has applied.
func appliedTo(s *corev1.Service) string {
	var fields []string
	for _, key := range applied(s, "spec", "ports") {
		var port struct {
			Port     int32           `json:"port"`
			Protocol corev1.Protocol `json:"protocol"`
		}
		if text, ok := strings.CutPrefix(key, "k:"); ok && json.Unmarshal([]byte(text), &port) == nil {
			fields = append(fields, portKey(port.Port, port.Protocol))
		}
	}
	for _, field := range applied(s, "spec") {
		if field == "trafficDistribution" || field == "publishNotReadyAddresses" {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return strings.Join(fields, " ")
}

func samePort(a, b corev1.ServicePort) bool {
	return a.Name == b.Name && a.Port == b.Port && a.TargetPort == b.TargetPort && a.Protocol == b.Protocol &&
		(a.AppProtocol == nil) == (b.AppProtocol == nil) && (a.AppProtocol == nil || *a.AppProtocol == *b.AppProtocol)
}

func contains(all, some map[string]string) bool {
	for key, value := range some {
		if got, ok := all[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// ServiceObject is the Service in the form that is applied; owned adds the owner reference.
func ServiceObject(c *v1beta1.Canary, svc *corev1.Service, owned bool) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(svc)
	if err != nil {
		return nil, fmt.Errorf("render service %s/%s: %w", svc.Namespace, svc.Name, err)
	}
	delete(content, "status")
	u := &unstructured.Unstructured{Object: content}
	if owned {
		if err := unstructured.SetNestedSlice(u.Object, []any{OwnerOf(c)}, "metadata", "ownerReferences"); err != nil {
			return nil, fmt.Errorf("render service %s/%s: %w", svc.Namespace, svc.Name, err)
		}
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u, nil
}

// CachedService gives a Service as the API server sent it, typed or unstructured, the form in which
// Services are cached. It may change what it is given.
func CachedService(o any) (*corev1.Service, error) {
	s, err := cachedAs[corev1.Service](o)
	if err != nil {
		return nil, err
	}
	if fields := appliedTo(s); fields != "" {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, appliedFields, fields)
	}
	s.ManagedFields = nil
	delete(s.Annotations, lastApplied)
	s.Status = corev1.ServiceStatus{}
	return s, nil
}
