package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// canary is one of those that are looked at.
type canary struct {
	*v1beta1.Canary
	// key is namespace/name.
	key string
}

const (
	// chunk bounds one answer.
	chunk = 500
	// lookLimit is of how many canaries the target and the like are read: one request for each object.
	lookLimit = 50
	// atOnce is how many of these requests are under way.
	atOnce = 8
)

// conditions lists the canaries and finds those that the agent cannot act on.
func (s *session) conditions(ctx context.Context) []Check {
	const title = "Canaries"
	if off := s.offline(title); off != nil {
		s.canariesWhy = s.down
		return off
	}
	if s.noCRDs {
		s.canariesWhy = "the CRDs are not installed"
		return skipped(title, "%s", s.canariesWhy)
	}
	namespace := s.o.Namespace
	if s.o.AllNamespaces {
		namespace = ""
	}
	var undecodable []string
	options := metav1.ListOptions{Limit: chunk}
	for {
		page, err := s.client.Resource(v1beta1.CanaryResource).Namespace(namespace).List(ctx, options)
		if err != nil {
			s.canaries, s.canariesWhy = nil, "the canaries cannot be listed"
			doing := "list canaries " + s.where()
			if !apierrors.IsForbidden(err) && !cluster.IsNoResource(err) {
				return []Check{{Status: Fail, Title: title, Detail: s.o.Cluster.Explain(err, doing).Error()}}
			}
			return s.unreadable(title, doing, err)
		}
		for i := range page.Items {
			item := &page.Items[i]
			key := item.GetNamespace() + "/" + item.GetName()
			c, err := v1beta1.DecodeCanary(item.Object)
			if err != nil {
				undecodable = append(undecodable, fmt.Sprintf("%s (%v)", key, err))
				continue
			}
			s.canaries = append(s.canaries, canary{Canary: c, key: key})
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	return s.stalled(title, undecodable)
}

func (s *session) stalled(title string, undecodable []string) []Check {
	var out []Check
	if len(undecodable) > 0 {
		out = append(out, Check{Status: Fail, Title: title, Detail: "the agent cannot read " + some(undecodable), Fix: "Mend the fields that are named."})
	}
	var failed []string
	for _, c := range s.canaries {
		stalled := conditionOf(c, v1beta1.ConditionStalled)
		switch {
		case stalled == nil:
		case stalled.Reason == string(v1beta1.PhaseFailed):
			failed = append(failed, c.key)
		default:
			out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("%s stands still, %s: %s", c.key, stalled.Reason, stalled.Message),
				Fix: fmt.Sprintf("kubectl canary explain %s -n %s", c.Name, c.Namespace), Objects: []string{c.key}})
		}
	}
	if len(failed) > 0 {
		out = append(out, Check{Status: Warn, Title: title, Detail: "the last run failed of " + some(failed), Fix: "See kubectl canary explain NAME, and kubectl canary retry NAME.", Objects: failed})
	}
	if len(out) == 0 {
		return []Check{{Status: OK, Title: title, Detail: fmt.Sprintf("%s %s, none of them stands still", count(len(s.canaries), "canary"), s.where())}}
	}
	return out
}

func (s *session) where() string {
	if s.o.AllNamespaces {
		return "in all namespaces"
	}
	return "in namespace " + s.o.Namespace
}

// conditionOf is a condition that is true; nil otherwise.
func conditionOf(c canary, kind v1beta1.ConditionType) *v1beta1.CanaryCondition {
	for i := range c.Status.Conditions {
		if found := &c.Status.Conditions[i]; found.Type == kind && found.Status == metav1.ConditionTrue {
			return found
		}
	}
	return nil
}

// none skips a check that is about canaries.
func (s *session) none(title string) []Check {
	switch {
	case s.canariesWhy != "":
		return skipped(title, "%s", s.canariesWhy)
	case len(s.canaries) == 0:
		return skipped(title, "there is no canary %s", s.where())
	}
	return nil
}

// part is an object that belongs to a canary.
type part struct {
	gvr       schema.GroupVersionResource
	kind      string
	name      string
	object    *unstructured.Unstructured
	err       error
	namespace string
}

// parts of a canary.
type parts struct{ target, apex, route part }

var (
	serviceResource = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	routeParts      = map[string]part{
		v1beta1.ProviderGatewayAPIV1:      {gvr: schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}, kind: "HTTPRoute"},
		v1beta1.ProviderGatewayAPIV1Beta1: {gvr: schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1beta1", Resource: "httproutes"}, kind: "HTTPRoute"},
		v1beta1.ProviderTraefik:           {gvr: schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: "traefikservices"}, kind: "TraefikService"},
		v1beta1.ProviderKnative:           {gvr: schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}, kind: "Service"},
	}
)

func targetOf(c canary) part {
	ref := c.Spec.TargetRef
	p := part{kind: ref.Kind, name: ref.Name}
	switch {
	case c.IsKnative():
		p.gvr = routeParts[v1beta1.ProviderKnative].gvr
	case ref.Kind == v1beta1.TargetService:
		p.gvr = serviceResource
	default:
		p.gvr = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(ref.Kind) + "s"}
	}
	return p
}

// look reads the objects of the first canaries.
func (s *session) look(ctx context.Context) {
	if s.parts != nil {
		return
	}
	s.parts = map[string]*parts{}
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, c := range s.canaries[:min(len(s.canaries), lookLimit)] {
		p := &parts{target: targetOf(c)}
		s.parts[c.key] = p
		if !c.IsKnative() && c.Spec.TargetRef.Kind != v1beta1.TargetService {
			p.apex = part{gvr: serviceResource, kind: "Service", name: c.ApexName()}
		}
		if route, ok := routeParts[c.ProviderOr(s.defaultProvider(c.Namespace))]; ok && !c.IsKnative() {
			p.route = route
			p.route.name = c.ApexName()
		}
		for _, one := range []*part{&p.target, &p.apex, &p.route} {
			if one.name == "" {
				continue
			}
			one.namespace = c.Namespace
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				one.object, one.err = s.object(ctx, one.gvr, one.namespace, one.name)
			})
		}
	}
	wg.Wait()
}

// looked says of how many canaries the objects were read, if not of all.
func (s *session) looked() string {
	if len(s.canaries) <= lookLimit {
		return ""
	}
	return fmt.Sprintf(" (the first %d of %d; choose a namespace with -n)", lookLimit, len(s.canaries))
}

// targets looks whether they exist, and whether each has one canary.
func (s *session) targets(ctx context.Context) []Check {
	const title = "Targets"
	if none := s.none(title); none != nil {
		return none
	}
	s.look(ctx)
	var out []Check
	unread, read := 0, 0
	for _, c := range s.canaries {
		p := s.parts[c.key]
		if p == nil {
			continue
		}
		switch {
		case apierrors.IsNotFound(p.target.err):
			out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("%s %s of canary %s does not exist", p.target.kind, p.target.name, c.key),
				Fix: "Create it, or correct spec.targetRef.", Objects: []string{c.key}})
		case p.target.err != nil:
			unread++
		default:
			read++
		}
	}
	out = append(out, s.shared(title)...)
	switch {
	case len(out) > 0:
		return out
	case read == 0:
		return skipped(title, "you may not read them")
	}
	detail := "all exist, each with one canary" + s.looked()
	if unread > 0 {
		detail += fmt.Sprintf("; %d could not be read", unread)
	}
	return []Check{{Status: OK, Title: title, Detail: detail}}
}

func (s *session) shared(title string) []Check {
	first := map[string]string{}
	var out []Check
	for _, c := range s.canaries {
		target := c.Namespace + "/" + c.Spec.TargetRef.Kind + "/" + c.Spec.TargetRef.Name
		if other, taken := first[target]; taken {
			out = append(out, Check{Status: Fail, Title: title, Detail: fmt.Sprintf("%s %s is the target of %s and of %s: the younger one is refused", c.Spec.TargetRef.Kind, c.Spec.TargetRef.Name, other, c.key),
				Fix: "Delete one of the two canaries.", Objects: []string{other, c.key}})
			continue
		}
		first[target] = c.key
	}
	return out
}

// routeDrift finds routes that somebody else writes.
func (s *session) routeDrift(context.Context) []Check {
	const title = "Routes"
	if none := s.none(title); none != nil {
		return none
	}
	var out []Check
	for _, c := range s.canaries {
		if drift := conditionOf(c, v1beta1.ConditionRouteDrift); drift != nil {
			out = append(out, Check{Status: Warn, Title: title, Detail: fmt.Sprintf("that of %s is written by somebody else, and put back by the agent: %s", c.key, drift.Message),
				Fix: "Leave the route to the agent; for GitOps tools see below.", Objects: []string{c.key}})
		}
	}
	if out == nil {
		return []Check{{Status: OK, Title: title, Detail: "as the agent wants them, as far as it runs the canaries"}}
	}
	return out
}

// usedProviders lists the traffic providers in use, with the namespaces.
func (s *session) usedProviders() map[string][]string {
	used := map[string][]string{}
	for _, c := range s.canaries {
		if p := c.ProviderOr(s.defaultProvider(c.Namespace)); !slices.Contains(used[p], c.Namespace) {
			used[p] = append(used[p], c.Namespace)
		}
	}
	return used
}
