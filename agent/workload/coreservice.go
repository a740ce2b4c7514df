package workload

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// coreService is the kind Service of v1: what is released is where a Service leads to. The canary's
// Service follows the target; the primary's is what the target was when it was promoted.
type coreService struct{}

var _ Kind = coreService{}

// servicePrefix marks a revision that is told by what the user wrote into a Service.
const servicePrefix = "svc:"

func (coreService) Resource() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("services")
}

func (coreService) Traits() Traits { return Traits{} }

func (coreService) History() *History { return nil }

func (coreService) Cached(o any) (Object, error) {
	s, err := CachedService(o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// PrimaryName is that of the Service that routes send the primary's traffic to (B18).
func (coreService) PrimaryName(c *v1beta1.Canary) string { return c.PrimaryServiceName() }

func (coreService) Check(Object) field.ErrorList { return nil }

func (coreService) Pods(Object) Pods { return Pods{} }

func (coreService) Target(target Object, _ []*metav1.PartialObjectMetadata) rollout.Workload {
	s, ok := target.(*corev1.Service)
	if !ok {
		return rollout.Workload{}
	}
	return alwaysThere(rollout.Workload{Revision: servicePrefix + digest(userFields(s)), Observed: true, Generation: s.Generation})
}

func (k coreService) Primary(primary Object, history []*metav1.PartialObjectMetadata) rollout.Workload {
	w := k.Target(primary, history)
	if !w.Exists {
		return w
	}
	return primaryFacts(primary, w, nil)
}

// alwaysThere are the facts about a target that nobody scales.
func alwaysThere(w rollout.Workload) rollout.Workload {
	w.Exists, w.Fixed = true, true
	w.Replicas, w.Total, w.Updated, w.Available = 1, 1, 1, 1
	return w
}

// userFields are what a revision of a Service consists of: the fields by which a user says where it
// leads to. Everything else, whether the API server fills it in today or in some later version,
// starts no run.
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
	fields := map[string]any{
		"type":     s.Spec.Type,
		"selector": anyMap(s.Spec.Selector),
		"ports":    ports,
	}
	if s.Spec.ExternalName != "" {
		fields["externalName"] = s.Spec.ExternalName
	}
	if a := s.Spec.SessionAffinity; a != "" && a != corev1.ServiceAffinityNone {
		fields["sessionAffinity"] = a
	}
	return fields
}

// Service renders the canary's, which leads where the target leads. The apex is the user's, and the
// primary's is written when a revision is promoted.
func (coreService) Service(c *v1beta1.Canary, role Role, _ Selector, target Object, live *corev1.Service) *corev1.Service {
	s, ok := target.(*corev1.Service)
	if !ok || role != Canary {
		return nil
	}
	return copyService(c, role, s, live)
}

// copyService makes a Service that leads where another one leads. It gets addresses of its own (B18).
// Routes use it from inside of the cluster, so it is not given a node port or a load balancer; one
// that has them, from whoever made it, keeps them.
func copyService(c *v1beta1.Canary, role Role, target, live *corev1.Service) *corev1.Service {
	svc := newService(c, role)
	svc.Spec.Selector = maps.Clone(target.Spec.Selector)
	for _, p := range target.Spec.Ports {
		p.NodePort = 0
		svc.Spec.Ports = append(svc.Spec.Ports, p)
	}
	svc.Spec.PublishNotReadyAddresses = target.Spec.PublishNotReadyAddresses
	svc.Spec.TrafficDistribution = target.Spec.TrafficDistribution
	if d := c.Spec.Service.TrafficDistribution; d != "" {
		svc.Spec.TrafficDistribution = &d
	}
	switch {
	case target.Spec.Type == corev1.ServiceTypeExternalName:
		svc.Spec.Type, svc.Spec.ExternalName = target.Spec.Type, target.Spec.ExternalName
	case live != nil && live.Spec.Type == corev1.ServiceTypeExternalName:
		svc.Spec.Type = corev1.ServiceTypeClusterIP
	}
	if target.Spec.ClusterIP == corev1.ClusterIPNone && mayBeHeadless(live) {
		svc.Spec.ClusterIP = corev1.ClusterIPNone
	}
	svc.Spec.SessionAffinity = corev1.ServiceAffinityNone
	if target.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		svc.Spec.SessionAffinity = target.Spec.SessionAffinity
		svc.Spec.SessionAffinityConfig = target.Spec.SessionAffinityConfig.DeepCopy()
	}
	if live != nil && !OwnedBy(live, c) {
		return svc
	}
	custom := customMetadata(c, role)
	maps.Copy(svc.Annotations, custom.Annotations)
	svc.Labels = maps.Clone(custom.Labels)
	return svc
}

func (coreService) RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	s, err := cachedAs[corev1.Service](target)
	if err != nil {
		return nil, err
	}
	primary := copyService(c, Primary, s, how.live())
	for key, value := range how.Prefixes.Filter(s.Labels) {
		if _, custom := primary.Labels[key]; !custom {
			metav1.SetMetaDataLabel(&primary.ObjectMeta, key, value)
		}
	}
	for key, value := range how.Prefixes.Filter(s.Annotations) {
		if _, custom := primary.Annotations[key]; !custom {
			primary.Annotations[key] = value
		}
	}
	primary.Annotations[SourceAnnotation] = how.Revision
	return ServiceObject(c, primary, true)
}

func (coreService) Scale(Object, int32) ([]byte, error) { return nil, nil }

// live is the present primary as a Service.
func (how Copy) live() *corev1.Service {
	s, _ := how.Live.(*corev1.Service)
	return s
}
