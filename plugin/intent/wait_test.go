package intent

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const canary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  analysis: {interval: 1m, threshold: 10, stepWeight: 10}
status: {phase: Progressing, observedGeneration: 1, canaryWeight: 0, failedChecks: 0, iterations: 0}`

const canaryPath = "/apis/flagger.app/v1beta1/namespaces/test/canaries/app"

// desk is an operator with one canary.
type desk struct {
	t      *testing.T
	server *clustertest.Server
	sender Sender
	lost   atomic.Int32
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, server: clustertest.New(t)}
	client, err := dynamic.NewForConfig(&rest.Config{Host: d.server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	d.sender = Sender{Client: client, Now: time.Now, Lost: func(error) { d.lost.Add(1) }}
	d.server.Put(t, canary)
	return d
}

func (d *desk) send(verb v1beta1.Verb) Sent {
	d.t.Helper()
	sent, err := d.sender.Send(d.t.Context(), view.Canary{Name: "app", Namespace: "test", UID: "uid-of-app"},
		Request{Verb: verb, FieldManager: "test"})
	if err != nil {
		d.t.Fatal(err)
	}
	return sent
}

// change edits the canary.
func (d *desk) change(edit func(annotations, status map[string]any)) {
	object := d.server.Get(canaryPath)
	annotations, _ := object["metadata"].(map[string]any)["annotations"].(map[string]any)
	edit(annotations, object["status"].(map[string]any))
	d.server.PutObject(object)
}

// answer is what the agent does with the verb that is there.
func (d *desk) answer(message string) {
	d.change(func(annotations, status map[string]any) {
		status["lastIntent"] = map[string]any{
			"id": annotations["kubectl-canary/id"], "verb": annotations["kubectl-canary/verb"],
			"outcome": "Accepted", "message": message, "time": "2026-08-01T12:00:01Z",
		}
	})
}

func (d *desk) wait(sent Sent) (Answer, error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 5*time.Second)
	defer cancel()
	return d.sender.Wait(ctx, sent)
}

// An answer counts even if a later verb, or its answer, is there already when it is looked for.
func TestWaitSeesWhatHasPassed(t *testing.T) {
	d := newDesk(t)
	first := d.send(v1beta1.VerbPause)
	d.answer("holding")
	d.server.User = "bob"
	second := d.send(v1beta1.VerbAbort)
	d.answer("aborting")
	for _, c := range []struct {
		sent Sent
		want string
	}{{first, "holding"}, {second, "aborting"}} {
		answer, err := d.wait(c.sent)
		if err != nil || !answer.Accepted || answer.Message != c.want {
			t.Errorf("have %+v, %v, want %q", answer, err, c.want)
		}
	}
}

// Of two operators at once the agent hears the later one; the other is told whom.
func TestWaitOvertaken(t *testing.T) {
	for name, after := range map[string]func(d *desk){
		"pending":  func(*desk) {},
		"answered": func(d *desk) { d.answer("aborting") },
		"lost sight of it meanwhile": func(d *desk) {
			d.answer("aborting")
			d.server.Compact()
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			sent := d.send(v1beta1.VerbPause)
			d.server.User = "bob"
			d.send(v1beta1.VerbAbort)
			after(d)
			answer, err := d.wait(sent)
			if err != nil || !answer.Overtaken || answer.Accepted || answer.Message != "the later verb abort by bob took its place before the agent answered" {
				t.Errorf("have %+v, %v", answer, err)
			}
		})
	}
}

func TestWaitTakenAway(t *testing.T) {
	d := newDesk(t)
	sent := d.send(v1beta1.VerbPause)
	d.change(func(annotations, _ map[string]any) { clear(annotations) })
	answer, err := d.wait(sent)
	if err != nil || !answer.Overtaken || !strings.Contains(answer.Message, "taken away") {
		t.Errorf("have %+v, %v", answer, err)
	}
}

// The answer comes while the API server is away.
func TestWaitThroughAnOutage(t *testing.T) {
	for name, compacted := range map[string]bool{"watch goes on": false, "too old to go on": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			sent := d.send(v1beta1.VerbPause)
			d.server.Unreachable(true)
			time.AfterFunc(300*time.Millisecond, func() {
				d.answer("holding")
				if compacted {
					d.server.Compact()
				}
				d.server.Unreachable(false)
			})
			answer, err := d.wait(sent)
			if err != nil || !answer.Accepted || answer.Message != "holding" {
				t.Errorf("have %+v, %v", answer, err)
			}
			if d.lost.Load() == 0 {
				t.Error("nobody was told that the connection was lost")
			}
		})
	}
}

func TestWaitEnds(t *testing.T) {
	d := newDesk(t)
	sent := d.send(v1beta1.VerbPause)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if answer, err := d.sender.Wait(ctx, sent); !errors.Is(err, context.DeadlineExceeded) || answer.Lost != nil {
		t.Errorf("no agent: have %+v, %v", answer, err)
	}
	d.server.Unreachable(true)
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if answer, err := d.sender.Wait(ctx, sent); !errors.Is(err, context.DeadlineExceeded) || answer.Lost == nil {
		t.Errorf("no server: have %+v, %v", answer, err)
	}
	d.server.Unreachable(false)
	d.server.Deny("watch", "canaries")
	if _, err := d.wait(sent); err == nil || !strings.Contains(err.Error(), "cannot watch") {
		t.Errorf("not allowed: %v", err)
	}
	d.server.Allow("watch", "canaries")
	d.server.Delete(canaryPath)
	if _, err := d.wait(sent); err == nil || !strings.Contains(err.Error(), `canary "app" was deleted before an agent answered`) {
		t.Errorf("deleted: %v", err)
	}
	// A canary that was deleted and made anew has never had the verb.
	sent.version = ""
	d.server.Put(t, strings.Replace(canary, "name: app,", "name: app, uid: another,", 1))
	if _, err := d.wait(sent); err == nil || !strings.Contains(err.Error(), "was deleted before") {
		t.Errorf("made anew: %v", err)
	}
}
