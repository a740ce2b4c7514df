package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// holder is the controller that looks after a namespace; ok is false when none was found.
func (s *session) holder(namespace string) (c controllers.Controller, ok bool) {
	for _, c := range s.found {
		if c.Serves(namespace) {
			return c, true
		}
	}
	return c, false
}

// defaultProvider is that of canaries that name none.
func (s *session) defaultProvider(namespace string) string {
	c, ok := s.holder(namespace)
	if provider := c.Flag("mesh-provider"); ok && provider != "" {
		return provider
	}
	return v1beta1.ProviderIstio
}

// installName is what kubectl canary install calls the rights for a provider.
var installName = map[string]string{
	v1beta1.ProviderGatewayAPIV1: "gatewayapi", v1beta1.ProviderGatewayAPIV1Beta1: "gatewayapi",
	v1beta1.ProviderTraefik: "traefik", v1beta1.ProviderKnative: "knative",
}

// providers looks whether the cluster has what the traffic providers in use need, and whether the agent
// may write it.
func (s *session) providers(ctx context.Context) []Check {
	const title = "Traffic provider"
	if none := s.none(title); none != nil {
		return none
	}
	var out []Check
	used := s.usedProviders()
	for _, provider := range slices.Sorted(maps.Keys(used)) {
		c := s.provider(ctx, provider, used[provider][0])
		c.Title = title + " " + provider
		out = append(out, c)
	}
	return out
}

func (s *session) provider(ctx context.Context, provider, namespace string) Check {
	route, routed := routeParts[provider]
	holder, held := s.holder(namespace)
	switch {
	case provider == v1beta1.ProviderKubernetes:
		return Check{Status: OK, Detail: "needs nothing but Services"}
	case !routed && held && holder.Kind == controllers.Flagger:
		return Check{Status: Skip, Detail: "is Flagger's business"}
	case !routed:
		return Check{Status: Fail, Detail: "is not served by this version of the agent", Fix: "Set spec.provider to one of kubernetes, " + strings.Join(slices.Sorted(maps.Keys(routeParts)), ", ") +
			", or start the agent with --mesh-provider, for canaries that name none."}
	}
	path := "/apis/" + route.gvr.GroupVersion().String()
	data, err := s.get(ctx, path, nil)
	missing := Check{Status: Fail, Detail: fmt.Sprintf("%s of %s is not served: its CRDs are not installed", route.kind, route.gvr.GroupVersion()), Fix: "Install the provider, or its CRDs."}
	switch {
	case apierrors.IsNotFound(err):
		return missing
	case err != nil:
		return s.unreadable("", "read "+path, err)[0]
	}
	var list struct {
		Resources []struct{ Name string } `json:"resources"`
	}
	if json.Unmarshal(data, &list) != nil || !slices.ContainsFunc(list.Resources, func(r struct{ Name string }) bool { return r.Name == route.gvr.Resource }) {
		return missing
	}
	c := Check{Status: OK, Detail: fmt.Sprintf("%s of %s is served", route.kind, route.gvr.GroupVersion())}
	if !held || holder.Kind != controllers.Agent {
		return c
	}
	allowed, err := s.agentMay(ctx, holder, namespace, route.gvr)
	switch {
	case err != nil:
		c.Detail += "; whether the agent may write it cannot be seen with your rights"
	case !allowed:
		c.Status = Fail
		c.Detail += fmt.Sprintf(", but the agent may not write it in namespace %s", namespace)
		c.Fix = "kubectl canary upgrade --provider " + installName[provider]
	default:
		c.Detail += ", and the agent may write it"
	}
	return c
}

var accessReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}

// agentMay asks whether the agent may write objects, which administrators may ask.
func (s *session) agentMay(ctx context.Context, a controllers.Controller, namespace string, gvr schema.GroupVersionResource) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": accessReviews.GroupVersion().String(), "kind": "SubjectAccessReview",
		"spec": map[string]any{
			"user":   "system:serviceaccount:" + a.Namespace + ":" + a.ServiceAccount,
			"groups": []any{"system:serviceaccounts", "system:serviceaccounts:" + a.Namespace, "system:authenticated"},
			"resourceAttributes": map[string]any{
				"namespace": namespace, "verb": "patch", "group": gvr.Group, "version": gvr.Version, "resource": gvr.Resource,
			},
		},
	}}
	answer, err := s.client.Resource(accessReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// defaultMetricsServer is that of the agent, and of Flagger.
const defaultMetricsServer = "http://prometheus:9090"

// mostServers bounds how many metrics servers are asked.
const mostServers = 5

// metricsServers asks those that the canaries need, through the API server, whether they answer.
func (s *session) metricsServers(ctx context.Context) []Check {
	const title = "Metrics server"
	if none := s.none(title); none != nil {
		return none
	}
	type server struct{ address, namespace string }
	var servers []server
	for _, c := range s.canaries {
		if !slices.ContainsFunc(c.GetAnalysis().Metrics, func(m v1beta1.CanaryMetric) bool { return m.IsBuiltin() || m.Query != "" || m.MinRequests > 0 }) {
			continue
		}
		holder, held := s.holder(c.Namespace)
		if !held {
			continue
		}
		one := server{c.Spec.MetricsServer, holder.Namespace}
		if one.address == "" {
			one.address = holder.Flag("metrics-server")
		}
		if one.address == "" {
			one.address = defaultMetricsServer
		}
		if !slices.Contains(servers, one) {
			servers = append(servers, one)
		}
	}
	if len(servers) == 0 {
		return skipped(title, "no canary needs one, or nobody looks after those that do")
	}
	var out []Check
	for _, one := range servers[:min(len(servers), mostServers)] {
		c := s.metricsServer(ctx, one.address, one.namespace)
		c.Title = title + " " + one.address
		out = append(out, c)
	}
	return out
}

func (s *session) metricsServer(ctx context.Context, address, from string) Check {
	const mend = "Set --metrics-server of the agent (kubectl canary upgrade --metrics-server URL), or spec.metricsServer of the canary."
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Check{Status: Fail, Detail: "is no URL", Fix: mend}
	}
	name, namespace, certain := serviceOf(u.Hostname(), from)
	if name == "" {
		return Check{Status: Skip, Detail: "is outside of the cluster; only the agent can tell whether it answers"}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	service := cluster.Service{Namespace: namespace, Name: name, Scheme: u.Scheme, Port: port}
	path, err := service.ProxyPath(strings.TrimRight(u.Path, "/") + "/api/v1/query")
	if err != nil {
		return Check{Status: Fail, Detail: err.Error(), Fix: mend}
	}
	data, err := s.get(ctx, path, map[string]string{"query": "1"})
	var answer struct{ Status string }
	where := fmt.Sprintf("Service %s in namespace %s", name, namespace)
	switch {
	case apierrors.IsForbidden(err):
		return Check{Status: Skip, Detail: fmt.Sprintf("you may not ask it (get services/proxy in namespace %s)", namespace)}
	case noService(err):
		c := Check{Status: Fail, Detail: "there is no " + where + ": builtin metrics fail", Fix: mend}
		if !certain {
			c.Status, c.Detail = Warn, "there is no "+where+"; it can be a name outside of the cluster"
		}
		return c
	case apierrors.IsServiceUnavailable(err):
		return Check{Status: Fail, Detail: where + " does not answer: " + firstLine(err), Fix: "kubectl get pods,endpointslices -n " + namespace}
	case errors.Is(err, context.DeadlineExceeded):
		return Check{Status: Fail, Detail: fmt.Sprintf("%s does not answer within %s", where, patience), Fix: "kubectl get pods,endpointslices -n " + namespace}
	case err != nil:
		return Check{Status: Warn, Detail: where + " answers with an error; is it a Prometheus? " + firstLine(err), Fix: mend}
	case json.Unmarshal(data, &answer) != nil || answer.Status != "success":
		return Check{Status: Warn, Detail: where + " does not answer as Prometheus does", Fix: mend}
	}
	return Check{Status: OK, Detail: where + " answers queries"}
}

// noService tells the API server's own 404 from one of the metrics server.
func noService(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "services"
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	const most = 200
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return line
}

// serviceOf finds the Service behind a host name as a pod of a namespace resolves it. It is not certain
// for a name of two parts, which can be one of the internet.
func serviceOf(host, from string) (name, namespace string, certain bool) {
	host = strings.TrimSuffix(strings.TrimSuffix(host, "."), ".cluster.local")
	labels := strings.Split(host, ".")
	switch {
	case len(labels) == 1 && host != "localhost":
		return host, from, true
	case len(labels) == 2:
		return labels[0], labels[1], false
	case len(labels) == 3 && labels[2] == "svc":
		return labels[0], labels[1], true
	}
	return "", "", false
}
