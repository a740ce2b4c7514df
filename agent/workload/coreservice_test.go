package workload

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// serviceTarget is a Service as an API server returns it, with everything it has filled in.
func serviceTarget(t *testing.T) *corev1.Service {
	t.Helper()
	s, err := CachedService(object(t, "service.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGotchaB18CleanSpecsAndOneName proves that the copies of a Service have no address and no port
// that another Service has already, which Kubernetes refuses, and the names that routes use.
func TestGotchaB18CleanSpecsAndOneName(t *testing.T) {
	c := canary()
	c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: "v1", Kind: "Service", Name: "app"}
	c.Spec.Service.Name = "shop-front"
	k := kindOf(t, "v1", "Service")
	target := serviceTarget(t)
	if got := k.PrimaryName(c); got != c.PrimaryServiceName() || got != "shop-front-primary" {
		t.Errorf("primary %s, routes send to %s", got, c.PrimaryServiceName())
	}
	svc := k.Service(c, Canary, Selector{}, target, nil)
	follower, err := ServiceObject(c, svc, true)
	if err != nil {
		t.Fatal(err)
	}
	primary, err := k.RenderPrimary(c, object(t, "service.yaml"), Copy{Prefixes: Prefixes{"team"}, Revision: "svc:a"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "service-copies.yaml", []any{follower.Object, primary.Object})
	for _, u := range []*unstructured.Unstructured{follower, primary} {
		spec, _, _ := unstructured.NestedMap(u.Object, "spec")
		for _, field := range []string{"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "externalTrafficPolicy", "loadBalancerIP"} {
			if value, ok := spec[field]; ok {
				t.Errorf("%s: spec.%s is %v, which is the target's own", u.GetName(), field, value)
			}
		}
		if text := mustYAML(t, spec); strings.Contains(text, "nodePort") {
			t.Errorf("%s has a node port of the target:\n%s", u.GetName(), text)
		}
	}
	for _, role := range []Role{Apex, Primary} {
		if svc := k.Service(c, role, Selector{}, target, nil); svc != nil {
			t.Errorf("role %d is rendered: %v", role, svc)
		}
	}
}

// TestServiceRevision proves that a revision changes with what a user writes, and with nothing that
// an API server fills in, today or later (S5).
func TestServiceRevision(t *testing.T) {
	k := kindOf(t, "v1", "Service")
	want := k.Target(serviceTarget(t), nil)
	if want.Revision != "svc:a8656557e1" {
		t.Errorf("revision %s: released programs call it svc:a8656557e1, and would start a run", want.Revision)
	}
	if ready, why := want.Ready(100); !ready || !want.Fixed || !want.Observed || want.Replicas != 1 {
		t.Errorf("facts %+v: %s", want, why)
	}
	local, dual, grpc := corev1.ServiceInternalTrafficPolicyLocal, corev1.IPFamilyPolicyPreferDualStack, "grpc"
	for name, tt := range map[string]struct {
		edit func(*corev1.Service)
		same bool
	}{
		"address":         {func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "10.9.9.9", []string{"10.9.9.9"} }, true},
		"families":        {func(s *corev1.Service) { s.Spec.IPFamilyPolicy = &dual }, true},
		"policies":        {func(s *corev1.Service) { s.Spec.InternalTrafficPolicy = &local }, true},
		"node port":       {func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 31000 }, true},
		"affinity unset":  {func(s *corev1.Service) { s.Spec.SessionAffinity = "" }, true},
		"labels":          {func(s *corev1.Service) { s.Labels["x"] = "y" }, true},
		"selector":        {func(s *corev1.Service) { s.Spec.Selector["version"] = "v3" }, false},
		"target port":     {func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromString("http") }, false},
		"protocol":        {func(s *corev1.Service) { s.Spec.Ports[1].Protocol = "TCP" }, false},
		"another port":    {func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] }, false},
		"app protocol":    {func(s *corev1.Service) { s.Spec.Ports[0].AppProtocol = &grpc }, false},
		"type":            {func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName }, false},
		"external name":   {func(s *corev1.Service) { s.Spec.ExternalName = "shop.example" }, false},
		"session stuck":   {func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }, false},
		"resourceVersion": {func(s *corev1.Service) { s.ResourceVersion = "9999" }, true},
	} {
		s := serviceTarget(t)
		tt.edit(s)
		if got := k.Target(s, nil).Revision; (got == want.Revision) != tt.same {
			t.Errorf("%s: revision %s, before it was %s", name, got, want.Revision)
		}
	}
	s := serviceTarget(t)
	if w := k.Primary(s, nil); !w.Unmarked || w.Source != "" {
		t.Errorf("primary %+v", w)
	}
	s.Annotations = map[string]string{SourceAnnotation: "svc:a"}
	if w := k.Primary(s, nil); w.Unmarked || w.Source != "svc:a" {
		t.Errorf("primary %+v", w)
	}
	if patch, err := k.Scale(s, 0); patch != nil || err != nil {
		t.Errorf("scaled by %s, %v", patch, err)
	}
}

// settled is a Service as the API server would return it after it was applied.
func settled(t *testing.T, c *v1beta1.Canary, want *corev1.Service) *corev1.Service {
	t.Helper()
	u, err := ServiceObject(c, want, true)
	if err != nil {
		t.Fatal(err)
	}
	u.SetManagedFields(appliedBy(u))
	s, err := CachedService(u)
	if err != nil {
		t.Fatal(err)
	}
	if s.Spec.Type == "" {
		s.Spec.Type = corev1.ServiceTypeClusterIP
	}
	if s.Spec.ClusterIP == "" && s.Spec.Type != corev1.ServiceTypeExternalName {
		s.Spec.ClusterIP = "10.1.2.3"
	}
	if s.Spec.SessionAffinity == "" {
		s.Spec.SessionAffinity = corev1.ServiceAffinityNone
	}
	return s
}

// appliedBy are the managed fields of a Service that only the agent has applied.
func appliedBy(u *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	fields := []string{}
	for name := range spec {
		below := ""
		if name == "ports" {
			var keys []string
			ports, _, _ := unstructured.NestedSlice(spec, "ports")
			for _, p := range elements(ports) {
				keys = append(keys, fmt.Sprintf(`"k:{\"port\":%v,\"protocol\":\"%v\"}":{".":{}}`, p["port"], p["protocol"]))
			}
			below = strings.Join(keys, ",")
		}
		fields = append(fields, `"f:`+name+`":{`+below+`}`)
	}
	return []metav1.ManagedFieldsEntry{{
		Manager: FieldManager, Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{` + strings.Join(fields, ",") + `}}`),
	}}
}

// TestGotchaB21ServicesFollow proves that every change that Kubernetes allows in place is noticed,
// and that an applied Service is current, so that nothing is written for ever.
func TestGotchaB21ServicesFollow(t *testing.T) {
	s := Selector{Key: "app", Value: "app"}
	containers := []corev1.Container{{Name: "dns", Ports: []corev1.ContainerPort{
		{Name: "web", ContainerPort: 8080, Protocol: corev1.ProtocolTCP},
		{ContainerPort: 8080, Protocol: corev1.ProtocolUDP},
		{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP},
		{Name: "dns", ContainerPort: 54, Protocol: corev1.ProtocolTCP},
	}}}
	full := canary()
	full.Spec.Service.PortDiscovery = true
	full.Spec.Service.TrafficDistribution = "PreferClose"
	live := settled(t, full, Deployments.Service(full, Canary, s, deploymentOf(containers...), nil))
	var ports []string
	names := map[string]bool{}
	for _, p := range live.Spec.Ports {
		ports = append(ports, portKey(p.Port, p.Protocol))
		names[p.Name] = true
	}
	if got := strings.Join(ports, " "); got != "80/TCP 8080/UDP 53/UDP 54/TCP" || len(names) != len(ports) {
		t.Errorf("ports %s with the names %v: UDP ports have to stay UDP, and names to be unique", got, names)
	}
	for name, tt := range map[string]struct {
		edit    func(*v1beta1.CanaryService)
		live    func(*corev1.Service)
		current bool
	}{
		"nothing":                     {nil, nil, true},
		"distribution removed":        {func(s *v1beta1.CanaryService) { s.TrafficDistribution = "" }, nil, false},
		"distribution changed":        {func(s *v1beta1.CanaryService) { s.TrafficDistribution = "PreferSameNode" }, nil, false},
		"distribution taken away":     {nil, func(s *corev1.Service) { s.Spec.TrafficDistribution = nil }, false},
		"discovery ended":             {func(s *v1beta1.CanaryService) { s.PortDiscovery = false }, nil, false},
		"type that ignores selectors": {nil, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName }, false},
		"load balancer by the user":   {nil, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer }, true},
		"port of another":             {nil, func(s *corev1.Service) { s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 1}) }, true},
		"headless, impossible":        {func(s *v1beta1.CanaryService) { s.Headless = true }, nil, true},
	} {
		c, present := full.DeepCopy(), live.DeepCopy()
		if tt.edit != nil {
			tt.edit(&c.Spec.Service)
		}
		if tt.live != nil {
			tt.live(present)
		}
		want := Deployments.Service(c, Canary, s, deploymentOf(containers...), present)
		if got := ServiceCurrent(want, present); got != tt.current {
			t.Errorf("%s: current %t", name, got)
		}
		if want.Spec.ClusterIP != "" {
			t.Errorf("%s: asks for the address %s, which Kubernetes refuses for ever", name, want.Spec.ClusterIP)
		}
		if after := settled(t, c, want); !ServiceCurrent(want, after) {
			t.Errorf("%s: not current after it was applied", name)
		}
	}
	headless := canary()
	headless.Spec.Service.Headless = true
	want := Deployments.Service(headless, Canary, s, deploymentOf(), nil)
	if again := Deployments.Service(headless, Canary, s, deploymentOf(), settled(t, headless, want)); again.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Errorf("a new headless Service has the address %q afterwards", again.Spec.ClusterIP)
	}
}

// TestCanaryServiceFollowsTarget proves it of the copy of a Service, in both directions.
func TestCanaryServiceFollowsTarget(t *testing.T) {
	c := canary()
	k := kindOf(t, "v1", "Service")
	plain := serviceTarget(t)
	elsewhere := plain.DeepCopy()
	elsewhere.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "shop.example", SessionAffinity: corev1.ServiceAffinityNone}
	for name, edit := range map[string]func(*corev1.Service){
		"selector":       func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "v3"} },
		"port removed":   func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] },
		"port changed":   func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(1) },
		"elsewhere":      func(s *corev1.Service) { s.Spec = elsewhere.Spec },
		"affinity":       func(s *corev1.Service) { s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP },
		"unready as one": func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true },
	} {
		target := plain.DeepCopy()
		edit(target)
		for _, way := range [][2]*corev1.Service{{plain, target}, {target, plain}} {
			live := settled(t, c, k.Service(c, Canary, Selector{}, way[0], nil))
			if again := k.Service(c, Canary, Selector{}, way[0], live); !ServiceCurrent(again, live) {
				t.Errorf("%s: not current as it is", name)
			}
			want := k.Service(c, Canary, Selector{}, way[1], live)
			if ServiceCurrent(want, live) {
				t.Errorf("%s: the change is not noticed", name)
			}
		}
	}
}
