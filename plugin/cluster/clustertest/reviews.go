package clustertest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Rule gives verbs on resources; "*" stands for all, no Names for every name.
type Rule struct {
	Verbs     []string `json:"verbs"`
	Groups    []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	Names     []string `json:"resourceNames,omitempty"`
}

func (r Rule) gives(verb, group, resource, name string) bool {
	has := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
	return has(r.Verbs, verb) && has(r.Groups, group) && has(r.Resources, resource) && (len(r.Names) == 0 || slices.Contains(r.Names, name))
}

// review answers questions about the rights of the user; it is false for anything else.
func (s *Server) review(w http.ResponseWriter, r *http.Request, t target) bool {
	status := Object{}
	switch t.resource {
	case "selfsubjectrulesreviews":
		status = Object{"resourceRules": s.Rules, "nonResourceRules": []any{}, "incomplete": s.Partial}
		if s.Partial || s.Rules == nil {
			status["resourceRules"] = []any{}
		}
	case "selfsubjectaccessreviews":
		var asked struct {
			Spec struct {
				ResourceAttributes struct{ Namespace, Verb, Group, Resource, Name string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			writeStatus(w, http.StatusBadRequest, "BadRequest", err.Error(), t)
			return true
		}
		a := asked.Spec.ResourceAttributes
		status["allowed"] = slices.ContainsFunc(s.Rules, func(rule Rule) bool { return rule.gives(a.Verb, a.Group, a.Resource, a.Name) })
	default:
		return false
	}
	writeJSON(w, http.StatusCreated, Object{"apiVersion": t.groupVersion, "kind": "SelfSubjectReview", "status": status})
	return true
}

// proxy hands a request on to what is behind a Service; it is false for one that is about the Service
// itself. Deny("get", "services/proxy") refuses it.
func (s *Server) proxy(w http.ResponseWriter, r *http.Request, t target) bool {
	before, path, proxied := strings.Cut(r.URL.Path, "/"+t.name+"/proxy")
	if !proxied || s.Proxy == nil {
		return false
	}
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create"}[r.Method]
	if message, denied := s.deny[verb+"/services/proxy"]; denied {
		writeStatus(w, http.StatusForbidden, "Forbidden", message, t)
		return true
	}
	// The name is scheme:name:port.
	name := t.name
	if parts := strings.Split(name, ":"); len(parts) == 3 {
		name = parts[1]
	}
	if _, exists := s.objects[before+"/"+name]; !exists {
		t.name = name
		writeStatus(w, http.StatusNotFound, "NotFound", "services \""+name+"\" not found", t)
		return true
	}
	passed := r.Clone(r.Context())
	// The API server keeps the user's credentials to itself.
	passed.Header.Del("Authorization")
	passed.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	s.mu.Unlock()
	defer s.mu.Lock()
	s.Proxy.ServeHTTP(w, passed)
	return true
}
