package controller

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// apiServer is an API server in memory, as far as the agent uses one, together with the controller
// that makes ReplicaSets and pods of Deployments: at once, and healthy ones.
type apiServer struct {
	*httptest.Server
	mu       sync.Mutex
	version  int
	objects  map[objectKey]*unstructured.Unstructured
	log      []change
	changed  chan struct{}
	requests []string
	// applied is what each manager has applied last.
	applied map[applier]map[string]any
	// fault answers a request with a status of its own when that is not 0. Set by disturb.
	fault func(method, path string) int
	// words are the message of such an answer.
	words string
}

type change struct {
	version int
	key     objectKey
	verb    string
	object  *unstructured.Unstructured
}

// kindOfResource are the resources that are served.
var kindOfResource = map[string]string{
	"canaries": "Canary", "deployments": "Deployment", "services": "Service", "replicasets": "ReplicaSet",
	"configmaps": "ConfigMap", "secrets": "Secret", "pods": "Pod", "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}

func newAPIServer(t *testing.T, objects ...*unstructured.Unstructured) *apiServer {
	t.Helper()
	s := &apiServer{objects: map[objectKey]*unstructured.Unstructured{}, applied: map[applier]map[string]any{}, changed: make(chan struct{}), version: 100}
	for _, o := range objects {
		s.put(o)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func resourceOfKind(kind string) string {
	for resource, k := range kindOfResource {
		if k == kind {
			return resource
		}
	}
	panic("no resource for " + kind)
}

// put creates or replaces an object, as another client would.
func (s *apiServer) put(o *unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(objectKey{resourceOfKind(o.GetKind()), o.GetNamespace(), o.GetName()}, o.DeepCopy())
}

// edit changes an object, as another client would.
func (s *apiServer) edit(resource, name string, how func(u *unstructured.Unstructured)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := objectKey{resource, "test", name}
	u := s.objects[key].DeepCopy()
	how(u)
	s.store(key, u)
}

// remove deletes an object; one with finalizers is only marked.
func (s *apiServer) remove(resource, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := objectKey{resource, "test", name}
	u := s.objects[key].DeepCopy()
	now := metav1Now()
	u.SetDeletionTimestamp(&now)
	s.store(key, u)
}

// find returns an object, nil when there is none.
func (s *apiServer) find(resource, name string) *unstructured.Unstructured {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.objects[objectKey{resource, "test", name}]; ok {
		return u.DeepCopy()
	}
	return nil
}

// asked lists the requests since the last call, without watches.
func (s *apiServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func (s *apiServer) disturb(fault func(method, path string) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.words = fault, "it was told to fail"
}

// store keeps an object and tells the watches.
func (s *apiServer) store(key objectKey, u *unstructured.Unstructured) {
	before := s.objects[key]
	s.version++
	u.SetResourceVersion(strconv.Itoa(s.version))
	verb := "MODIFIED"
	if before == nil {
		verb = "ADDED"
		if u.GetUID() == "" {
			u.SetUID(uidType("uid-" + key.resource + "-" + key.name + "-" + strconv.Itoa(s.version)))
		}
		u.SetGeneration(1)
		if made := u.GetCreationTimestamp(); made.IsZero() {
			u.SetCreationTimestamp(metav1Now())
		}
	} else {
		u.SetUID(before.GetUID())
		u.SetGeneration(before.GetGeneration())
		if !reflect.DeepEqual(before.Object["spec"], u.Object["spec"]) {
			u.SetGeneration(before.GetGeneration() + 1)
		}
	}
	if u.GetDeletionTimestamp() != nil && len(u.GetFinalizers()) == 0 {
		verb = "DELETED"
		delete(s.objects, key)
	} else {
		if key.resource == "deployments" {
			s.rollOut(u)
		}
		s.objects[key] = u
	}
	s.log = append(s.log, change{s.version, key, verb, u})
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP answers the requests of the agent.
func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "api" {
		parts = append([]string{"", ""}, parts[1:]...) // Like a group without a name.
	}
	version, rest := parts[1]+"/"+parts[2], parts[3:]
	if parts[1] == "" {
		version = parts[2]
	}
	if len(rest) == 0 {
		s.discover(w, version)
		return
	}
	var key objectKey
	if rest[0] == "namespaces" {
		key.namespace, rest = rest[1], rest[2:]
	}
	key.resource = rest[0]
	sub := ""
	if len(rest) > 1 {
		key.name = rest[1]
	}
	if len(rest) > 2 {
		sub = rest[2]
	}
	if r.URL.Query().Get("watch") != "" {
		s.watch(w, r, key)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	if s.fault != nil {
		if status := s.fault(r.Method, r.URL.Path); status != 0 {
			refuse(w, status, http.StatusText(status), s.words)
			return
		}
	}
	switch {
	case kindOfResource[key.resource] == "":
		refuse(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	case r.Method == http.MethodGet && key.name == "":
		s.list(w, r, version, key)
	case r.Method == http.MethodGet:
		if u := s.objects[key]; u != nil {
			answer(w, http.StatusOK, u.Object)
			return
		}
		refuse(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", key.resource, key.name))
	case r.Method == http.MethodPatch:
		s.patch(w, r, key, sub)
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method)
	}
}

func (s *apiServer) discover(w http.ResponseWriter, version string) {
	list := []any{}
	for resource, kind := range kindOfResource {
		list = append(list, map[string]any{"name": resource, "kind": kind, "namespaced": true, "verbs": []any{"get", "list", "watch", "patch"}})
	}
	answer(w, http.StatusOK, map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list})
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, version string, key objectKey) {
	items := []any{}
	keys := slices.SortedFunc(maps.Keys(s.objects), objectKey.compare)
	for _, k := range keys {
		if k.resource == key.resource && (key.namespace == "" || k.namespace == key.namespace) {
			items = append(items, shown(r, s.objects[k]))
		}
	}
	list := map[string]any{"apiVersion": version, "kind": kindOfResource[key.resource] + "List", "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(s.version)}}
	if onlyMetadata(r) {
		list["apiVersion"], list["kind"] = "meta.k8s.io/v1", "PartialObjectMetadataList"
	}
	answer(w, http.StatusOK, list)
}

func onlyMetadata(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
}

// shown is an object in the form that the client asks for.
func shown(r *http.Request, u *unstructured.Unstructured) map[string]any {
	if onlyMetadata(r) {
		return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": u.Object["metadata"]}
	}
	return u.Object
}

func (s *apiServer) watch(w http.ResponseWriter, r *http.Request, key objectKey) {
	if r.URL.Query().Get("sendInitialEvents") != "" {
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "watch-list")
		return
	}
	since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flusher, _ := w.(http.Flusher)
	for {
		flusher.Flush()
		s.mu.Lock()
		changed := s.changed
		var frames []any
		for _, c := range s.log {
			if c.version > since && c.key.resource == key.resource && (key.namespace == "" || c.key.namespace == key.namespace) {
				frames = append(frames, map[string]any{"type": c.verb, "object": shown(r, c.object)})
			}
		}
		since = max(since, s.version)
		s.mu.Unlock()
		for _, frame := range frames {
			if json.NewEncoder(w).Encode(frame) != nil {
				return
			}
		}
		flusher.Flush()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

func answer(w http.ResponseWriter, status int, object map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	answer(w, status, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status, "message": message})
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}
