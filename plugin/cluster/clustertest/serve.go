package clustertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// target is what a path names.
type target struct {
	groupVersion, namespace, resource, name string
	// all is set for a collection across namespaces.
	all bool
}

func parse(path string) (target, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	t := target{}
	switch {
	case len(parts) > 2 && parts[0] == "api":
		t.groupVersion, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		t.groupVersion, parts = parts[1]+"/"+parts[2], parts[3:]
	default:
		return t, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		t.namespace, parts = parts[1], parts[2:]
	} else {
		t.all = true
	}
	t.resource = parts[0]
	if len(parts) > 1 {
		t.name = parts[1]
	}
	return t, true
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hanging {
		done := make(chan struct{})
		defer close(done)
		go s.wakeWhenGone(r, done)
		for s.hanging && !s.closed && r.Context().Err() == nil {
			s.changed.Wait()
		}
	}
	if s.unreachable {
		http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
		return
	}
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	if s.Warning != "" {
		w.Header().Add("Warning", fmt.Sprintf("299 - %q", s.Warning))
	}
	t, ok := parse(r.URL.Path)
	if !ok || s.absent[t.groupVersion] {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if t.resource == "pods" && strings.HasSuffix(r.URL.Path, "/"+t.name+"/log") {
		s.serveLog(w, r, t)
		return
	}
	if t.resource == "services" && s.proxy(w, r, t) {
		return
	}
	verb := verbOf(r, t)
	if message, denied := s.deny[verb+"/"+t.resource]; denied {
		writeStatus(w, http.StatusForbidden, "Forbidden", message, t)
		return
	}
	switch {
	case s.review(w, r, t):
	case t.resource == "selfsubjectreviews":
		writeJSON(w, http.StatusCreated, Object{
			"apiVersion": t.groupVersion, "kind": "SelfSubjectReview",
			"status": Object{"userInfo": Object{"username": s.User}},
		})
	case verb == "watch":
		s.watch(w, r, t)
	case verb == "list":
		s.list(w, r, t)
	case verb == "get":
		if object, ok := s.objects[r.URL.Path]; ok {
			writeJSON(w, http.StatusOK, object)
			s.unlocked(s.OnGet, t)
			return
		}
		writeStatus(w, http.StatusNotFound, "NotFound", t.resource+" \""+t.name+"\" not found", t)
	default:
		s.write(w, r, t)
	}
}

// unlocked calls a hook of the test, which may use the server.
func (s *Server) unlocked(hook func(string), t target) {
	if hook == nil {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	hook(t.resource)
}

func verbOf(r *http.Request, t target) string {
	switch {
	case r.Method == http.MethodPost:
		return "create"
	case r.Method == http.MethodPatch:
		return "patch"
	case r.URL.Query().Get("watch") == "true":
		return "watch"
	case t.name == "":
		return "list"
	}
	return "get"
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, t target) {
	matches := matcher(r, t)
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	skip, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	items := []any{}
	next := ""
	seen := 0
	for _, key := range sortedKeys(s.objects) {
		object := s.objects[key]
		if !matches(collectionOf(object), object) {
			continue
		}
		seen++
		if seen <= skip {
			continue
		}
		if limit > 0 && len(items) == limit {
			next = strconv.Itoa(skip + limit)
			break
		}
		items = append(items, object)
	}
	writeJSON(w, http.StatusOK, Object{
		"apiVersion": t.groupVersion, "kind": "List", "items": items,
		"metadata": Object{"resourceVersion": strconv.Itoa(s.version), "continue": next},
	})
}

// watch streams changes until the client leaves, the watch is cut, or the server ends. The lock is
// held except while waiting.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, t target) {
	version, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if version < s.compact {
		writeStatus(w, http.StatusGone, "Expired", "too old resource version", t)
		return
	}
	matches := matcher(r, t)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	stop := make(chan struct{})
	defer close(stop)
	go s.wakeWhenGone(r, stop)
	cut := s.cut
	for next := 0; ; {
		for ; next < len(s.log); next++ {
			c := s.log[next]
			if c.version <= version || !matches(c.path, c.object) {
				continue
			}
			if json.NewEncoder(w).Encode(Object{"type": c.kind, "object": c.object}) != nil {
				return
			}
			flush()
		}
		if s.closed || s.cut != cut || r.Context().Err() != nil {
			return
		}
		s.changed.Wait()
	}
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, t target) {
	body, err := io.ReadAll(r.Body)
	object := Object{}
	if err == nil {
		err = yaml.Unmarshal(body, &object)
	}
	if err != nil {
		writeStatus(w, http.StatusBadRequest, "BadRequest", err.Error(), t)
		return
	}
	path := r.URL.Path
	if r.Method == http.MethodPost {
		path += "/" + (&unstructured.Unstructured{Object: object}).GetName()
	}
	old, exists := s.objects[path]
	if r.Method == http.MethodPost && exists {
		writeStatus(w, http.StatusConflict, "AlreadyExists", t.resource+" already exists", t)
		return
	}
	// As the real server: a given uid must be that of the object that exists.
	if uid := (&unstructured.Unstructured{Object: object}).GetUID(); uid != "" && r.Method == http.MethodPatch &&
		uid != (&unstructured.Unstructured{Object: old}).GetUID() {
		writeStatus(w, http.StatusConflict, "Conflict", "uid mismatch", t)
		return
	}
	result := object
	if exists {
		result = clone(old)
		merge(result, object)
	}
	if s.Admit != nil {
		if message := s.Admit(clone(result)); message != "" {
			writeStatus(w, http.StatusForbidden, "Forbidden", message, t)
			return
		}
	}
	if r.URL.Query().Get("dryRun") == "All" {
		writeJSON(w, http.StatusOK, result)
		return
	}
	stored := clone(s.store(result))
	writeJSON(w, http.StatusOK, stored)
	if s.OnApply != nil {
		s.mu.Unlock()
		s.OnApply(stored)
		s.mu.Lock()
	}
}

func matcher(r *http.Request, t target) func(path string, object Object) bool {
	fieldSelector, _ := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	labelSelector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
	return func(path string, object Object) bool {
		u := unstructured.Unstructured{Object: object}
		if t.all && !strings.HasSuffix(path, "/"+t.resource) || !t.all && path != strings.TrimSuffix(r.URL.Path, "/") {
			return false
		}
		if labelSelector != nil && !labelSelector.Matches(labels.Set(u.GetLabels())) {
			return false
		}
		if fieldSelector == nil {
			return true
		}
		for _, requirement := range fieldSelector.Requirements() {
			have, _, _ := unstructured.NestedString(object, strings.Split(requirement.Field, ".")...)
			if have != requirement.Value {
				return false
			}
		}
		return true
	}
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func writeStatus(w http.ResponseWriter, code int, reason, message string, t target) {
	group, _, found := strings.Cut(t.groupVersion, "/")
	if !found {
		group = ""
	}
	writeJSON(w, code, Object{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message,
		"details": Object{"name": t.name, "group": group, "kind": t.resource},
	})
}
