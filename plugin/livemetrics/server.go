package livemetrics

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// server is a Prometheus behind a Service, as the API server's proxy reaches it.
type server struct {
	namespace, service, scheme, port string
	// query is the path of the query API behind the API server.
	query string
	// params of the address, which some servers have their tenant in.
	params url.Values
}

// resource is the name that RBAC knows the server by, in rules for services/proxy.
func (s server) resource() string { return s.scheme + ":" + s.service + ":" + s.port }

func (s server) String() string {
	return fmt.Sprintf("Service %s in namespace %s", s.service, s.namespace)
}

// errShort says that a host is the name of a Service in the namespace of whoever asks.
var errShort = errors.New("the address of the metrics server has no namespace, so it is one in that of the agent, which is not known")

// locate finds the Service behind the address of a metrics server, as a pod in the namespace home
// resolves it; home is empty when it is not known, and the error errShort when it is needed.
func locate(address, home string) (server, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return server{}, errors.New("the address of the metrics server is not a URL such as http://prometheus.monitoring:9090")
	}
	if u.User != nil {
		return server{}, errors.New("the address of the metrics server has credentials in it, which are the agent's")
	}
	s := server{scheme: u.Scheme, port: u.Port(), params: u.Query()}
	if s.port == "" {
		s.port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	outside := fmt.Errorf("the metrics server %s is not a Service of this cluster, so only the agent can ask it", host)
	labels := strings.Split(host, ".")
	switch {
	case net.ParseIP(host) != nil, host == "localhost":
		return server{}, outside
	case len(labels) == 1:
		s.service, s.namespace = host, home
	case len(labels) == 2, labels[2] == "svc":
		s.service, s.namespace = labels[0], labels[1]
	default:
		return server{}, outside
	}
	if s.namespace == "" {
		return server{}, errShort
	}
	service := cluster.Service{Namespace: s.namespace, Name: s.service, Scheme: s.scheme, Port: s.port}
	if s.query, err = service.ProxyPath(strings.TrimRight(u.Path, "/") + "/api/v1/query"); err != nil {
		return server{}, fmt.Errorf("the metrics server %s cannot be asked: %w", host, err)
	}
	return s, nil
}
