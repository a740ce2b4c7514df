package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const object = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, analysis: {interval: 1m, threshold: 1, stepWeight: 10}}
status: {phase: Progressing, canaryWeight: 10, failedChecks: 0, iterations: 0, run: {id: "1", revision: "rs:b", step: 1}}`

func newSource(t *testing.T, server *clustertest.Server) (*clusterSource, *actions) {
	t.Helper()
	access := &cluster.Access{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	access.AddFlags(flags)
	if err := flags.Parse([]string{"--kubeconfig", server.Kubeconfig(t)}); err != nil {
		t.Fatal(err)
	}
	client, err := access.Dynamic()
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Deps: cli.Deps{Cluster: access, Now: time.Now}, Namespace: "test"}
	c := &clusterSource{Options: o, client: client, scope: feed.Options{Client: client, Namespace: "test"}}
	return c, &actions{
		sender:  intent.Sender{Client: client, Now: time.Now},
		explain: func(err error, doing string, _ view.Canary) error { return access.Explain(err, doing) },
	}
}

func TestDo(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, object)
	c, a := newSource(t, server)
	seen, err := feed.Get(t.Context(), feed.Options{Client: c.client, Namespace: "test", Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range []string{"Accepted", "Refused"} {
		server.OnApply = func(o clustertest.Object) {
			annotations := o["metadata"].(map[string]any)["annotations"].(map[string]any)
			if annotations["kubectl-canary/revision"] != "rs:seen" {
				t.Errorf("the revision that the operator saw is lost: %v", annotations)
			}
			o["status"].(map[string]any)["lastIntent"] = map[string]any{
				"id": annotations["kubectl-canary/id"], "outcome": outcome, "message": "because",
			}
			server.PutObject(o)
		}
		have, err := a.Do(t.Context(), seen, tui.Request{Verb: "abort", Revision: "rs:seen"})
		if want := (tui.Outcome{Accepted: outcome == "Accepted", Message: "because"}); err != nil || have != want {
			t.Errorf("%+v, %v; want %+v", have, err, want)
		}
	}
	server.OnApply = func(o clustertest.Object) {
		annotations := o["metadata"].(map[string]any)["annotations"].(map[string]any)
		if annotations["kubectl-canary/revision"] != "" {
			t.Errorf("a rollback is not about the revision on the screen: %v", annotations)
		}
		o["status"].(map[string]any)["lastIntent"] = map[string]any{"id": annotations["kubectl-canary/id"], "outcome": "Accepted"}
		server.PutObject(o)
	}
	if _, err := a.Do(t.Context(), seen, tui.Request{Verb: "rollback", Revision: "rs:seen"}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server.OnApply = func(clustertest.Object) { cancel() }
	if _, err := a.Do(ctx, seen, tui.Request{Verb: "abort"}); !errors.Is(err, context.Canceled) {
		t.Errorf("left the screen, but: %v", err)
	}
	server.Deny("patch", "canaries")
	if _, err := a.Do(t.Context(), seen, tui.Request{Verb: "abort"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("forbidden, but: %v", err)
	}
}

// gather reads a channel until an update fits, or to its end.
func gather(t *testing.T, updates <-chan source.Update, fits func(source.Update) bool) []string {
	t.Helper()
	var have []string
	for u := range updates {
		have = append(have, fmt.Sprintf("%T", u))
		if fits(u) {
			break
		}
	}
	return have
}

func TestSource(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, object)
	c, _ := newSource(t, server)
	synced := func(u source.Update) bool { _, ok := u.(source.Synced); return ok }
	want := []string{"source.Canary", "source.Synced"}
	for name, open := range map[string]func() <-chan source.Update{
		"fleet":  func() <-chan source.Update { return c.Fleet(t.Context()) },
		"detail": func() <-chan source.Update { return c.Detail(t.Context(), "test", "app") },
	} {
		updates := open()
		if have := gather(t, updates, synced); !slices.Equal(have, want) {
			t.Errorf("%s: %v, want %v", name, have, want)
		}
		server.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app")
		gather(t, updates, func(u source.Update) bool { _, ok := u.(source.Gone); return ok })
		server.Put(t, object)
		gather(t, updates, func(u source.Update) bool { _, ok := u.(source.Canary); return ok })
	}
	failed := func(u source.Update) string {
		if f, ok := u.(source.Failed); ok {
			return f.Err.Error()
		}
		return ""
	}
	if have := failed(last(c.Detail(t.Context(), "test", "apq"))); !strings.Contains(have, `did you mean "app"?`) {
		t.Errorf("a canary that is not there: %q", have)
	}
	server.Deny("list", "canaries")
	if have := failed(last(c.Fleet(t.Context()))); !strings.Contains(have, "watch canaries") {
		t.Errorf("not allowed, but: %q", have)
	}
}

// last is the last update before the channel is closed.
func last(updates <-chan source.Update) (u source.Update) {
	for u = range updates {
	}
	return u
}
