package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const path = "/apis/flagger.app/v1beta1/namespaces/test/canaries/"

func canary(name, phase string, weight int) string {
	return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %s, namespace: test, labels: {team: a}}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}
  service: {port: 80}
  analysis: {interval: 1s, threshold: 1, stepWeight: 10}
status: {phase: %s, canaryWeight: %d, failedChecks: 0, iterations: 0}`, name, name, phase, weight)
}

func client(t *testing.T, server *clustertest.Server) dynamic.Interface {
	t.Helper()
	access := &cluster.Access{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	access.AddFlags(flags)
	if err := flags.Parse([]string{"--kubeconfig", server.Kubeconfig(t)}); err != nil {
		t.Fatal(err)
	}
	c, err := access.Dynamic()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type reader struct {
	t       *testing.T
	updates <-chan Update
}

func start(t *testing.T, server *clustertest.Server, o Options) *reader {
	t.Helper()
	o.Client = client(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	updates, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		for range updates { // until closed: all goroutines are gone
		}
	})
	return &reader{t, updates}
}

// until reads updates up to the first that fits, and returns all that were read.
func (r *reader) until(fits func(Update) bool) []Update {
	r.t.Helper()
	var seen []Update
	for u := range r.updates {
		seen = append(seen, u)
		if fits(u) {
			return seen
		}
	}
	r.t.Fatalf("the feed ended after %v", seen)
	return nil
}

func is[T Update](u Update) bool { _, ok := u.(T); return ok }

func weight(name string, w int32) func(Update) bool {
	return func(u Update) bool {
		c, ok := u.(Canary)
		return ok && c.View.Name == name && c.View.Weight == w
	}
}

func TestManyShareOneWatch(t *testing.T) {
	server := clustertest.New(t)
	for i := range 3 {
		server.Put(t, canary(fmt.Sprintf("c%d", i), "Progressing", i))
	}
	r := start(t, server, Options{Namespace: "test", Selector: "team=a"})
	var names []string
	for _, u := range r.until(is[Synced]) {
		if c, ok := u.(Canary); ok {
			names = append(names, c.View.Name)
		}
	}
	if !slices.Equal(names, []string{"c0", "c1", "c2"}) {
		t.Errorf("reported %v", names)
	}
	server.Put(t, canary("c1", "Progressing", 50))
	r.until(weight("c1", 50))
	server.Put(t, canary("c9", "Progressing", 9))
	r.until(weight("c9", 9))
	server.Delete(path + "c0")
	r.until(func(u Update) bool { g, ok := u.(Gone); return ok && g.Name == "c0" })
	watches := 0
	for _, request := range server.Requests() {
		if strings.Contains(request, "watch=true") {
			watches++
		}
	}
	if watches != 1 {
		t.Errorf("%d watches, want 1: %v", watches, server.Requests())
	}
}

func TestUnchangedViewsAreNotRepeated(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, canary("app", "Progressing", 10))
	r := start(t, server, Options{Namespace: "test", Name: "app"})
	r.until(is[Synced])
	server.Put(t, canary("app", "Progressing", 10)) // only the resourceVersion is new
	server.Put(t, canary("app", "Progressing", 20))
	if seen := r.until(weight("app", 20)); len(seen) != 1 {
		t.Errorf("updates %v, want one", seen)
	}
	for _, request := range server.Requests() {
		if !strings.Contains(request, "fieldSelector=metadata.name%3Dapp") {
			t.Errorf("asked for more than one canary: %s", request)
		}
	}
}

func TestReconnect(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, canary("app", "Progressing", 10))
	r := start(t, server, Options{Namespace: "test"})
	r.until(is[Synced])

	server.Cut() // the server ends watches all the time: nobody need know
	server.Put(t, canary("app", "Progressing", 20))
	r.until(weight("app", 20))

	server.Compact() // what happened in between is only in a new list
	server.Put(t, canary("app", "Progressing", 30))
	r.until(weight("app", 30))
	server.Put(t, canary("new", "Progressing", 5))
	r.until(weight("new", 5))

	server.Deny("watch", "canaries")
	server.Cut()
	seen := r.until(is[Stale])
	if stale := seen[len(seen)-1].(Stale); stale.Since.IsZero() || stale.Err == nil {
		t.Errorf("stale without time or cause: %+v", stale)
	}
	server.Allow("watch", "canaries")
	server.Delete(path + "new")
	r.until(is[Fresh])
}

// What there is of many canaries is reported page by page, the first one at once.
func TestPages(t *testing.T) {
	const many = 3*firstPage + 7
	server := clustertest.New(t)
	for i := range many {
		server.Put(t, canary(fmt.Sprintf("c%03d", i), "Progressing", 10))
	}
	r := start(t, server, Options{Namespace: "test"})
	seen := map[string]bool{}
	for _, u := range r.until(is[Synced]) {
		if c, ok := u.(Canary); ok {
			seen[c.View.Name] = true
		}
	}
	if len(seen) != many {
		t.Errorf("%d of %d canaries before Synced", len(seen), many)
	}
	limits := 0
	for _, request := range server.Requests() {
		if strings.Contains(request, fmt.Sprintf("limit=%d", firstPage)) {
			limits++
		}
	}
	if limits != 1 {
		t.Errorf("%d first pages: %v", limits, server.Requests())
	}
	server.Put(t, canary("c000", "Progressing", 20))
	r.until(weight("c000", 20))
}

// A watch on a server that hangs is silent for ever, and looks like one on which nothing happens.
func TestHeartbeat(t *testing.T) {
	for _, name := range []string{"", "app"} {
		server := clustertest.New(t)
		server.Put(t, canary("app", "Progressing", 10))
		r := start(t, server, Options{Namespace: "test", Name: name, Heartbeat: 100 * time.Millisecond})
		r.until(is[Alive])
		server.Hang(true)
		seen := r.until(is[Stale])
		if stale := seen[len(seen)-1].(Stale); !strings.Contains(stale.Err.Error(), "has not answered for 50ms") {
			t.Errorf("stale because of %v", stale.Err)
		}
		server.Hang(false)
		r.until(is[Fresh])
		r.until(is[Alive])
	}
	server := clustertest.New(t)
	r := start(t, server, Options{Namespace: "test"})
	r.until(is[Synced])
	before := len(server.Requests())
	server.Put(t, canary("app", "Progressing", 10))
	r.until(weight("app", 10))
	if after := server.Requests(); len(after) > before+1 { // the watch
		t.Errorf("without a heartbeat: %v", after[before:])
	}
}

func TestBrokenObjectHidesNoOther(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, canary("good", "Progressing", 10), `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: bad, namespace: test}
spec: {targetRef: 3, analysis: [x]}
status: nonsense`)
	r := start(t, server, Options{Namespace: "test"})
	problems := map[string]string{}
	for _, u := range r.until(is[Synced]) {
		if c, ok := u.(Canary); ok {
			problems[c.View.Name] = c.View.Problem
		}
	}
	if problems["good"] != "" || !strings.Contains(problems["bad"], "cannot read the spec and status") {
		t.Errorf("problems: %q", problems)
	}
}

const around = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: test}
spec:
  selector: {matchLabels: {app: app}}
  template: {spec: {containers: [{image: "app:2"}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: app-1, namespace: test, labels: {app: app}}
spec: {containers: [{name: app}]}
status: {phase: Pending}`

func event(name, message string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Event
metadata: {name: %s, namespace: test}
involvedObject: {name: app, uid: uid-of-app}
type: Normal
reason: Synced
message: %s`, name, message)
}

func TestDetail(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, canary("app", "Progressing", 10), around, event("e1", "first"))
	r := start(t, server, Options{Namespace: "test", Name: "app", Detail: true})
	full := func(f func(view.Canary) bool) func(Update) bool {
		return func(u Update) bool { c, ok := u.(Canary); return ok && f(c.View) }
	}
	r.until(full(func(v view.Canary) bool {
		return len(v.Events) == 1 && len(v.Pods) == 1 && slices.Equal(v.Images.Target, []string{"app:2"}) &&
			v.Pods[0].Side == view.SideCanary && v.Pods[0].Reason == "Pending"
	}))
	server.Put(t, event("e2", "second"))
	r.until(full(func(v view.Canary) bool { return len(v.Events) == 2 }))
	server.Delete("/api/v1/namespaces/test/pods/app-1")
	r.until(full(func(v view.Canary) bool { return len(v.Pods) == 0 }))

	// The primary appears with the next phase.
	server.Put(t, strings.NewReplacer("name: app,", "name: app-primary,", "app: app}", "app: app-primary}", "app-1", "p-1", "app:2", "app:1").Replace(around))
	server.Put(t, canary("app", "Promoting", 10))
	r.until(full(func(v view.Canary) bool {
		return len(v.Pods) == 1 && v.Pods[0].Side == view.SidePrimary && slices.Equal(v.Images.Primary, []string{"app:1"})
	}))

	// The primary's template follows later; its first pod tells.
	server.Put(t, strings.NewReplacer("name: app,", "name: app-primary,", "app: app}", "app: app-primary, pod-template-hash: new}",
		"matchLabels: {app: app}", "matchLabels: {app: app-primary}", "app-1", "p-2").Replace(around))
	r.until(full(func(v view.Canary) bool {
		return len(v.Pods) == 2 && slices.Equal(v.Images.Primary, []string{"app:2"})
	}))

	server.Delete(path + "app")
	r.until(is[Gone])
	server.Put(t, canary("app", "Initializing", 0))
	r.until(full(func(v view.Canary) bool { return v.Phase == "Initializing" && len(v.Events) == 2 }))
}

func TestDetailWithoutRights(t *testing.T) {
	server := clustertest.New(t)
	server.Deny("list", "pods")
	server.Deny("list", "events")
	server.Put(t, canary("app", "Progressing", 10), around)
	r := start(t, server, Options{Namespace: "test", Name: "app", Detail: true})
	r.until(func(u Update) bool {
		c, ok := u.(Canary)
		return ok && c.View.PodsNote == "you are not allowed to read pods" &&
			c.View.EventsNote == "you are not allowed to read events"
	})
	server.Put(t, canary("app", "Progressing", 20))
	r.until(weight("app", 20))
}

func TestFirstListDecides(t *testing.T) {
	server := clustertest.New(t)
	server.Deny("list", "canaries")
	if _, err := Start(t.Context(), Options{Client: client(t, server), Namespace: "test"}); err == nil {
		t.Error("a feed that may not list has begun")
	}
	if _, err := Start(t.Context(), Options{Client: client(t, server), Detail: true}); err == nil {
		t.Error("detail of all canaries")
	}
}

func TestSlowReaderSeesTheNewest(t *testing.T) {
	q := queue{}
	q.push(Canary{View: view.Canary{Name: "a", Weight: 1}})
	q.push(Canary{View: view.Canary{Name: "b", Weight: 1}})
	q.push(Canary{View: view.Canary{Name: "a", Weight: 2}})
	q.push(Stale{Err: errors.New("broken")})
	q.push(Fresh{})
	q.push(Gone{Name: "b"})
	var seen []string
	for q.head() != nil {
		seen = append(seen, fmt.Sprintf("%T", q.head()))
		q.pop()
	}
	if want := []string{"feed.Canary", "feed.Gone", "feed.Fresh"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}
