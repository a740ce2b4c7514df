package clusternet

import (
	"net/netip"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// record is what a name stands for.
type record struct {
	addresses []netip.Addr
	alias     string // of an ExternalName Service, with a dot at its end
}

// lookup resolves a full name: service.namespace, with .svc or
// .svc.cluster.local behind it or without, and, for headless Services,
// a pod's host name in front. Short names become full ones by the search list
// of a pod's resolv.conf.
func (s *state) lookup(name string) (rec record, found bool, err error) {
	host, service, namespace, ok := splitName(name)
	if !ok {
		return record{}, false, nil
	}
	svc, err := s.services.Services(namespace).Get(service)
	if apierrors.IsNotFound(err) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	switch {
	case svc.Spec.Type == v1.ServiceTypeExternalName:
		if host != "" {
			return record{}, false, nil
		}
		rec.alias = strings.TrimSuffix(svc.Spec.ExternalName, ".") + "."
		if target, ok, err := s.lookup(rec.alias); err == nil && ok && target.alias == "" {
			rec.addresses = target.addresses
		}
		return rec, true, nil
	case hasClusterIP(svc):
		if host != "" {
			return record{}, false, nil
		}
		return record{addresses: parseV4(svc.Spec.ClusterIPs)}, true, nil
	}
	endpointSlices, err := s.slicesOf(svc)
	if err != nil {
		return record{}, false, err
	}
	var ips []string
	for _, slice := range endpointSlices {
		for _, ep := range slice.Endpoints {
			if host != "" && (ep.Hostname == nil || *ep.Hostname != host) {
				continue
			}
			if isReady(ep) || svc.Spec.PublishNotReadyAddresses {
				ips = append(ips, ep.Addresses...)
			}
		}
	}
	slices.Sort(ips)
	rec.addresses = parseV4(slices.Compact(ips))
	// A headless Service exists also while it has no pods; a pod's name does not.
	return rec, host == "" || len(rec.addresses) > 0, nil
}

// splitName takes a cluster name apart.
func splitName(name string) (host, service, namespace string, ok bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	name = strings.TrimSuffix(name, ".cluster.local")
	name, isSvc := strings.CutSuffix(name, ".svc")
	parts := strings.Split(name, ".")
	switch {
	case len(parts) == 2:
		return "", parts[0], parts[1], true
	case len(parts) == 3 && isSvc:
		return parts[0], parts[1], parts[2], true
	}
	return "", "", "", false
}

func parseV4(list []string) []netip.Addr {
	var ips []netip.Addr
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			ips = append(ips, a)
		}
	}
	return ips
}
