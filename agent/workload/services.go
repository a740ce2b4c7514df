package workload

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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

// RenderService gives the Service in a role as it ought to be. A live Service that the Canary
// does not own keeps its owner, labels and type: only ports and selector are the agent's.
func RenderService(c *v1beta1.Canary, role Role, s Selector, target *appsv1.Deployment, live *corev1.Service) *corev1.Service {
	svc := &corev1.Service{}
	svc.APIVersion, svc.Kind = "v1", "Service"
	svc.Name, svc.Namespace = ServiceName(c, role), c.Namespace
	svc.Annotations = v1beta1.GitOpsOff()
	svc.Spec.Selector = map[string]string{s.Key: s.PrimaryValue()}
	custom := c.Spec.Service.Apex
	switch role {
	case Primary:
		custom = c.Spec.Service.Primary
	case Canary:
		custom = c.Spec.Service.Canary
		svc.Spec.Selector[s.Key] = s.Value
	case Apex:
	}
	svc.Spec.Ports = servicePorts(c, target)
	if live != nil && !OwnedBy(live, c) {
		return svc
	}
	svc.Labels = map[string]string{s.Key: svc.Name}
	if custom != nil {
		maps.Copy(svc.Annotations, custom.Annotations)
		for key, value := range custom.Labels {
			if key != s.Key {
				svc.Labels[key] = value
			}
		}
	}
	if c.Spec.Service.Headless {
		svc.Spec.ClusterIP = corev1.ClusterIPNone
	}
	if d := c.Spec.Service.TrafficDistribution; d != "" {
		svc.Spec.TrafficDistribution = &d
	}
	return svc
}

func servicePorts(c *v1beta1.Canary, target *appsv1.Deployment) []corev1.ServicePort {
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
	if !c.Spec.Service.PortDiscovery || target == nil {
		return ports
	}
	for _, container := range target.Spec.Template.Spec.Containers {
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
			if name == "" {
				name = fmt.Sprintf("tcp-%s-%d", container.Name, i)
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

func isTarget(p corev1.ContainerPort, target intstr.IntOrString) bool {
	if target.Type == intstr.String {
		return p.Name == target.StrVal
	}
	return p.ContainerPort == target.IntVal
}

// ServiceCurrent says whether applying the rendered Service would change nothing that matters.
func ServiceCurrent(want, live *corev1.Service) bool {
	if live == nil || !maps.Equal(want.Spec.Selector, live.Spec.Selector) {
		return false
	}
	for _, p := range want.Spec.Ports {
		if !slices.ContainsFunc(live.Spec.Ports, func(o corev1.ServicePort) bool { return samePort(p, o) }) {
			return false
		}
	}
	return contains(live.Labels, want.Labels) && contains(live.Annotations, want.Annotations)
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

// TrimService removes from a Service what nobody looks at, before it is cached.
func TrimService(s *corev1.Service) {
	s.ManagedFields = nil
	delete(s.Annotations, lastApplied)
	s.Status = corev1.ServiceStatus{}
}
