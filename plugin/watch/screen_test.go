package watch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
)

const object = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, analysis: {interval: 1m, threshold: 1, stepWeight: 10}}
status: {phase: Progressing, canaryWeight: 10, failedChecks: 0, iterations: 0, run: {id: "1", revision: "rs:b", step: 1}}`

func newScreen(t *testing.T, server *clustertest.Server) *screen {
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
	seen, err := feed.Get(t.Context(), feed.Options{Client: client, Namespace: "test", Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	return &screen{
		sender: intent.Sender{Client: client, Now: time.Now}, latest: seen, explain: access.Explain,
	}
}

func TestDo(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, object)
	s := newScreen(t, server)
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
		have, err := s.Do(t.Context(), tui.Request{Verb: "abort", Revision: "rs:seen"})
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
	if _, err := s.Do(t.Context(), tui.Request{Verb: "rollback", Revision: "rs:seen"}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server.OnApply = func(clustertest.Object) { cancel() }
	if _, err := s.Do(ctx, tui.Request{Verb: "abort"}); !errors.Is(err, context.Canceled) {
		t.Errorf("left the screen, but: %v", err)
	}
	server.Deny("patch", "canaries")
	if _, err := s.Do(t.Context(), tui.Request{Verb: "abort"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("forbidden, but: %v", err)
	}
}

func TestForward(t *testing.T) {
	s := &screen{latest: view.Canary{Name: "first"}}
	updates := make(chan feed.Update, 9)
	updates <- feed.Synced{}
	updates <- feed.Canary{View: view.Canary{Name: "second"}}
	updates <- feed.Stale{Err: errors.New("broken")}
	updates <- feed.Fresh{}
	updates <- feed.Gone{}
	close(updates)
	source := make(chan tui.Update, 9)
	s.forward(t.Context(), updates, source)
	var have []string
	for u := range source {
		switch u := u.(type) {
		case tui.CanaryMsg:
			have = append(have, u.Canary.Name)
		case tui.StaleMsg:
			have = append(have, u.Err.Error())
		case tui.GoneMsg:
			have = append(have, "gone")
		}
	}
	want := []string{"first", "second", "broken", "second", "gone"} // fresh shows the last again
	if len(have) != len(want) {
		t.Fatalf("%v, want %v", have, want)
	}
	for i := range want {
		if have[i] != want[i] {
			t.Errorf("%v, want %v", have, want)
		}
	}
}
