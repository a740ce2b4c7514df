package gate

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// tester is where a load tester keeps one gate: an endpoint such as http://tester.test/gate/check.
type tester struct {
	url *url.URL
	// family is gate or rollback; endpoint is check, approve or halt.
	family, endpoint string

	// namespace, service and port of the Service; empty when the host is not that of one.
	namespace, service, port string
	// why the host is not that of a Service.
	why string
}

// parseTester reads the URL of a webhook; ok is true when it has the form of a load tester's gate.
func parseTester(raw string) (t tester, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return tester{}, false
	}
	rest, endpoint := cutLast(strings.TrimRight(u.Path, "/"))
	_, family := cutLast(rest)
	switch family + "/" + endpoint {
	case "gate/check", "gate/approve", "gate/halt", "rollback/check":
	default:
		return tester{}, false
	}
	t = tester{url: u, family: family, endpoint: endpoint}
	t.namespace, t.service, t.why = serviceOf(u.Hostname())
	if t.port = u.Port(); t.port == "" {
		t.port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return t, true
}

func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// serviceOf finds the Service behind a host as pods write it: name.namespace, name.namespace.svc, or
// that with the domain of the cluster.
func serviceOf(host string) (namespace, service, why string) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case net.ParseIP(host) != nil:
		return "", "", "an address is not the name of a Service"
	case len(labels) == 1:
		return "", "", "the name has no namespace, so the agent looks it up in its own"
	case len(labels) == 2 || labels[2] == "svc":
		return labels[1], labels[0], ""
	}
	return "", "", "the host is not the name of a Service of this cluster"
}

// changeable says whether the gate can be opened and closed: approve always passes, halt never does.
func (t *tester) changeable() bool { return t.endpoint == "check" }

// path of another endpoint of the same gate.
func (t *tester) path(endpoint string) string {
	before, _ := cutLast(strings.TrimRight(t.url.Path, "/"))
	return before + "/" + endpoint
}

// proxied is the path of an endpoint behind the API server, which reaches the Service from inside of
// the cluster with the rights of the user.
func (t *tester) proxied(endpoint string) (string, error) {
	service := cluster.Service{Namespace: t.namespace, Name: t.service, Scheme: t.url.Scheme, Port: t.port}
	return service.ProxyPath(t.path(endpoint))
}

// curl is the command that does the same from a place that can reach the load tester.
func (t *tester) curl(endpoint, namespace, name string) string {
	u := *t.url
	u.Path = t.path(endpoint)
	return fmt.Sprintf("curl -d '%s' '%s'", payload(namespace, name), u.Redacted())
}

// payload of the load tester: it keeps one gate per canary.
func payload(namespace, name string) string {
	return fmt.Sprintf(`{"name":%q,"namespace":%q}`, name, namespace)
}
