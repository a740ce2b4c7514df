// Package clustertest is an API server for tests: an HTTP server that speaks as much of the
// Kubernetes API as the plugin uses (get, list in chunks, watch, create, server-side apply, dry
// run, reviews of the user and its rights, the proxy of Services), with the paths, codes and Status objects of the real one. It validates
// nothing and merges instead of tracking field owners.
package clustertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// Object is an API object.
type Object = map[string]any

// Server is a running API server.
type Server struct {
	// URL of the server.
	URL string
	// User is the name that SelfSubjectReview answers.
	User string
	// Warning, when set, comes with every answer.
	Warning string
	// OnApply, when set, is called after each apply with a copy of the object, as a controller that
	// watches would be.
	OnApply func(Object)
	// Admit, when set, is asked about each object before it is written, dry runs included, as an
	// admission policy is; what it answers is the message of the refusal.
	Admit func(Object) string
	// Rules are the user's rights, as SelfSubjectRulesReview lists them, and as SelfSubjectAccessReview
	// knows them.
	Rules []Rule
	// Partial makes SelfSubjectRulesReview list no rules and say that it cannot know all, as with an
	// authorizer that is a webhook.
	Partial bool
	// Proxy, when set, is what is behind all Services: it gets the path after /proxy.
	Proxy http.Handler
	// OnGet, when set, is called after a get of a resource has been answered.
	OnGet func(resource string)

	mu       sync.Mutex
	changed  *sync.Cond
	objects  map[string]Object // by collection path + "/" + name
	log      []change
	version  int
	deny     map[string]string // verb/resource to message
	absent   map[string]bool   // group/version that is not served
	requests []string
	compact  int
	closed   bool
	cut      int
	// unreachable is what a load balancer says of it.
	unreachable bool
	hanging     bool               // requests get no answer
	logs        map[string]*podLog // by namespace/pod/container
}

type change struct {
	version int
	kind    string
	path    string
	object  Object
}

// New starts a server that the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{User: "ada", objects: map[string]Object{}, deny: map[string]string{}, absent: map[string]bool{}, version: 100}
	s.changed = sync.NewCond(&s.mu)
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = server.URL
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		s.changed.Broadcast()
		s.mu.Unlock()
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

// Kubeconfig writes a kubeconfig for the server and returns its path. The namespace of its context
// is "test".
func (s *Server) Kubeconfig(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: ada, namespace: test}}]
clusters: [{name: here, cluster: {server: %q}}]
users: [{name: ada, user: {token: secret}}]
`, s.URL)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Put creates or replaces objects, given as YAML documents.
func (s *Server) Put(t testing.TB, documents ...string) {
	t.Helper()
	for _, document := range documents {
		for part := range strings.SplitSeq(document, "\n---\n") {
			object := Object{}
			if err := yaml.Unmarshal([]byte(part), &object); err != nil {
				t.Fatalf("cannot read the object: %v\n%s", err, part)
			}
			s.PutObject(object)
		}
	}
}

// PutObject creates or replaces one object.
func (s *Server) PutObject(object Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(object)
}

// Delete removes an object; the path is that of the API, such as
// /apis/flagger.app/v1beta1/namespaces/test/canaries/app.
func (s *Server) Delete(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object, ok := s.objects[path]
	if !ok {
		return
	}
	delete(s.objects, path)
	s.version++
	s.record("DELETED", collectionOf(object), object)
}

// Deny makes a verb on a resource forbidden.
func (s *Server) Deny(verb, resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deny[verb+"/"+resource] = fmt.Sprintf("User %q cannot %s resource %q", s.User, verb, resource)
}

// Allow takes a Deny back.
func (s *Server) Allow(verb, resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.deny, verb+"/"+resource)
}

// Uninstall makes an API group unknown to the server.
func (s *Server) Uninstall(groupVersion string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent[groupVersion] = true
}

// Compact makes every older resourceVersion too old to watch from, and cuts all watches.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.compact = s.version
	s.cut++
	s.changed.Broadcast()
}

// Cut ends all watches, as a restart of the server does.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut++
	s.changed.Broadcast()
}

// Unreachable makes the server answer as a load balancer in front of a dead one does, and cuts all
// watches; or ends that.
func (s *Server) Unreachable(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreachable = yes
	s.cut++
	s.changed.Broadcast()
}

// Hang makes the server leave requests without an answer, watches that are open included, or answer
// those that wait.
func (s *Server) Hang(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hanging = yes
	s.changed.Broadcast()
}

// Requests lists what was asked so far, one "METHOD path?query" each.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Get returns a copy of the object at a path; nil when there is none.
func (s *Server) Get(path string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if object, ok := s.objects[path]; ok {
		return clone(object)
	}
	return nil
}

func (s *Server) store(object Object) Object {
	object = clone(object)
	u := unstructured.Unstructured{Object: object}
	collection := collectionOf(object)
	path := collection + "/" + u.GetName()
	s.version++
	u.SetResourceVersion(strconv.Itoa(s.version))
	kind := "ADDED"
	if old, exists := s.objects[path]; exists {
		kind = "MODIFIED"
		u.SetUID((&unstructured.Unstructured{Object: old}).GetUID())
	}
	if u.GetUID() == "" {
		u.SetUID(types.UID("uid-of-" + u.GetName()))
	}
	s.objects[path] = object
	s.record(kind, collection, object)
	return object
}

func (s *Server) record(kind, path string, object Object) {
	s.log = append(s.log, change{version: s.version, kind: kind, path: path, object: clone(object)})
	s.changed.Broadcast()
}

func collectionOf(object Object) string {
	u := unstructured.Unstructured{Object: object}
	prefix := "/apis/" + u.GetAPIVersion()
	if u.GetAPIVersion() == "v1" {
		prefix = "/api/v1"
	}
	resource := strings.ToLower(u.GetKind()) + "s"
	if stem, found := strings.CutSuffix(resource, "ys"); found {
		resource = stem + "ies"
	}
	return prefix + "/namespaces/" + u.GetNamespace() + "/" + resource
}

func clone(object Object) Object {
	data, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	out := Object{}
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

func merge(into, from Object) {
	for key, value := range from {
		child, isMap := value.(Object)
		have, hasMap := into[key].(Object)
		if isMap && hasMap {
			merge(have, child)
			continue
		}
		into[key] = value
	}
}

func sortedKeys(m map[string]Object) []string { return slices.Sorted(maps.Keys(m)) }
