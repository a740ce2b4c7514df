package controller

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func metav1Now() metav1.Time       { return metav1.NewTime(time.Now()) }
func uidType(uid string) types.UID { return types.UID(uid) }

// parts are what the controller works with besides the API server. Each may be replaced by a test.
type parts struct {
	mu       sync.Mutex
	messages []saying
	passes   map[string]int

	check func(ctx context.Context, canary *v1beta1.Canary) rollout.CheckResult
	call  func(ctx context.Context, call HookCall) error
	warn  func(ctx context.Context, canary *v1beta1.Canary, alert rollout.Alert) []error
	// begin is called when a pass begins, and what it returns when it ends.
	begin func(name string) func()
	// record is called for each message.
	record func(canary *v1beta1.Canary)
}

var discard = slog.New(slog.DiscardHandler)

// saying is a message and the canary that it is about.
type saying struct {
	canary string
	rollout.Message
}

func (p *parts) Check(ctx context.Context, canary *v1beta1.Canary) rollout.CheckResult {
	if p.check == nil {
		return rollout.CheckResult{}
	}
	return p.check(ctx, canary)
}

func (p *parts) Call(ctx context.Context, call HookCall) error {
	if p.call == nil {
		return nil
	}
	return p.call(ctx, call)
}

func (p *parts) Alert(ctx context.Context, canary *v1beta1.Canary, alert rollout.Alert) []error {
	if p.warn == nil {
		return nil
	}
	return p.warn(ctx, canary, alert)
}

func (p *parts) Record(canary *v1beta1.Canary, m rollout.Message, _ time.Time) {
	if p.record != nil {
		p.record(canary)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, saying{canary.Name, m})
}

// heard returns the messages with a reason about a canary.
func (p *parts) heard(canary, reason string) []rollout.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []rollout.Message
	for _, m := range p.messages {
		if m.canary == canary && m.Reason == reason {
			out = append(out, m.Message)
		}
	}
	return out
}

// said says whether a message holds the text.
func (p *parts) said(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.messages, func(m saying) bool { return strings.Contains(m.Text, text) })
}

// passesOf counts the passes over a canary that have ended.
func (p *parts) passesOf(canary string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passes["test/"+canary]
}

// counts is Metrics; all it does is to count passes.
type counts struct{ *parts }

func (c counts) Begin(name string) func() {
	done := func() {}
	if c.begin != nil {
		done = c.begin(name)
	}
	return func() {
		done()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.passes == nil {
			c.passes = map[string]int{}
		}
		c.passes[name]++
	}
}

func (counts) Status(*v1beta1.Canary) {}

func (counts) Pass(time.Duration, error)                                 {}
func (counts) QueueDepth(int)                                            {}
func (counts) Effect(rollout.Effect, error)                              {}
func (counts) Check(*v1beta1.Canary, rollout.CheckResult, time.Duration) {}
func (counts) Hook(v1beta1.HookType, error, time.Duration)               {}
func (counts) Message(*v1beta1.Canary, rollout.Message)                  {}
func (counts) Forget(string, string)                                     {}

// running is a controller at work on an API server.
type running struct {
	*Controller
	*parts
	api *apiServer
}

// optionsFor are those of a controller on the API server.
func optionsFor(t *testing.T, api *apiServer, p *parts) Options {
	t.Helper()
	config := &rest.Config{Host: api.URL, QPS: -1}
	var clients Clients
	var err error
	must := func() {
		if err != nil {
			t.Fatal(err)
		}
	}
	clients.Dynamic, err = dynamic.NewForConfig(config)
	must()
	clients.Metadata, err = metadata.NewForConfig(config)
	must()
	clients.Apps, err = appsclient.NewForConfig(config)
	must()
	clients.Core, err = coreclient.NewForConfig(config)
	must()
	clients.Discovery, err = discovery.NewDiscoveryClientForConfig(config)
	must()
	return Options{
		Config:  Config{Provider: v1beta1.ProviderKubernetes, SelectorLabels: []string{"app"}, Workers: 4, Jobs: 4},
		Clients: clients, Checker: p, Caller: p, Alerter: p, Recorder: p, Metrics: counts{p}, Log: discard,
	}
}

// start runs a controller until the test ends.
func start(t *testing.T, api *apiServer, p *parts, change func(*Config)) *running {
	t.Helper()
	options := optionsFor(t, api, p)
	if change != nil {
		change(&options.Config)
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
	return &running{Controller: c, parts: p, api: api}
}

// atRest waits until the canary has reached a phase and nothing is asked or written any more.
func (r *running) atRest(t *testing.T, canary string, phase v1beta1.CanaryPhase) {
	t.Helper()
	eventually(t, canary+" is "+string(phase), func() bool { return r.phase(canary) == phase })
	for quiet := 0; quiet < 4; {
		time.Sleep(50 * time.Millisecond)
		if quiet++; len(r.api.asked()) > 0 || r.queue.Len() > 0 {
			quiet = 0
		}
	}
}

func (r *running) phase(canary string) v1beta1.CanaryPhase {
	u := r.api.find("canaries", canary)
	if u == nil {
		return "gone"
	}
	phase, _, _ := unstructured.NestedString(u.Object, "status", "phase")
	return v1beta1.CanaryPhase(phase)
}

// condition returns the reason and the message of a condition of a canary that is true.
func (r *running) condition(canary string, kind v1beta1.ConditionType) (reason, message string) {
	u := r.api.find("canaries", canary)
	if u == nil {
		return "", ""
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, item := range list {
		if m, ok := item.(map[string]any); ok && m["type"] == string(kind) && m["status"] == "True" {
			reason, _ = m["reason"].(string)
			message, _ = m["message"].(string)
		}
	}
	return reason, message
}

// pass looks at a canary and waits until that has been done.
func (r *running) pass(t *testing.T, canary string) {
	t.Helper()
	before := r.passesOf(canary)
	r.queue.Add(nameOf(canary))
	eventually(t, "a pass over "+canary, func() bool { return r.passesOf(canary) > before })
}

// writes are the requests of a list that change something.
func writes(requests []string) []string {
	var out []string
	for _, r := range requests {
		if !strings.HasPrefix(r, "GET ") {
			out = append(out, r)
		}
	}
	return out
}

// deployment is a target with two pods.
func deploymentObject(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": name, "namespace": "test"},
		"spec": map[string]any{
			"replicas": int64(2),
			"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": name}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": "app:1"}}},
			},
		},
	}}
}

// canaryOf is a Canary with the provider kubernetes, whose target is the Deployment of its name.
func canaryOf(name string, edit func(spec map[string]any)) *unstructured.Unstructured {
	return canaryObject(name, func(spec map[string]any) {
		spec["provider"] = "kubernetes"
		spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
		spec["analysis"] = map[string]any{"interval": "1s", "threshold": int64(1), "iterations": int64(1)}
		if edit != nil {
			edit(spec)
		}
	})
}

// image gives a Deployment a new image.
func image(u *unstructured.Unstructured, image string) {
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "app", "image": image}}, "spec", "template", "spec", "containers")
}
