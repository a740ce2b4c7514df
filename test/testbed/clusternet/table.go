package clusternet

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	v1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// ports maps each "clusterIP:port" to the addresses of its usable endpoints.
// Ports without an endpoint are absent.
func (s *state) ports() (map[string][]string, error) {
	services, err := s.services.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	all, err := s.slices.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	bySvc := map[string][]*discoveryv1.EndpointSlice{}
	for _, slice := range all {
		key := slice.Namespace + "/" + slice.Labels[discoveryv1.LabelServiceName]
		bySvc[key] = append(bySvc[key], slice)
	}
	table := map[string][]string{}
	for _, svc := range services {
		if !hasClusterIP(svc) {
			continue
		}
		for _, port := range svc.Spec.Ports {
			if port.Protocol != "" && port.Protocol != v1.ProtocolTCP {
				continue
			}
			targets := portTargets(bySvc[svc.Namespace+"/"+svc.Name], port.Name)
			if len(targets) == 0 {
				continue
			}
			for _, ip := range svc.Spec.ClusterIPs {
				if a, err := netip.ParseAddr(ip); err != nil || !s.cidr.Contains(a) {
					continue
				}
				table[net.JoinHostPort(ip, strconv.Itoa(int(port.Port)))] = targets
			}
		}
	}
	return table, nil
}

func hasClusterIP(svc *v1.Service) bool {
	return svc.Spec.Type != v1.ServiceTypeExternalName && svc.Spec.ClusterIP != "" && svc.Spec.ClusterIP != v1.ClusterIPNone
}

// portTargets returns the addresses behind one port of a Service, sorted. When
// no endpoint is ready, those that still serve while they end take over, as with
// kube-proxy: better than to refuse.
func portTargets(list []*discoveryv1.EndpointSlice, portName string) []string {
	var ready, ending []string
	for _, slice := range list {
		for _, port := range slice.Ports {
			if port.Port == nil || (port.Name != nil && *port.Name != portName) || (port.Name == nil && portName != "") {
				continue
			}
			for _, ep := range slice.Endpoints {
				for _, address := range ep.Addresses {
					target := net.JoinHostPort(address, strconv.Itoa(int(*port.Port)))
					switch {
					case isReady(ep):
						ready = append(ready, target)
					case isTrue(ep.Conditions.Serving) && isTrue(ep.Conditions.Terminating):
						ending = append(ending, target)
					}
				}
			}
		}
	}
	if len(ready) == 0 {
		ready = ending
	}
	slices.Sort(ready)
	return slices.Compact(ready)
}

// isReady follows the API's rule that unknown means ready.
func isReady(ep discoveryv1.Endpoint) bool {
	return ep.Conditions.Ready == nil || *ep.Conditions.Ready
}

func isTrue(b *bool) bool { return b != nil && *b }
