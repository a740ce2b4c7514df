package intent

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

func TestInstead(t *testing.T) {
	deployment := func(phase string, hooks ...view.Hook) view.Canary {
		return view.Canary{
			Name: "app", Namespace: "test", Phase: phase, Foreign: true, Hooks: hooks,
			Target: view.Ref{Kind: "Deployment", Name: "web"},
		}
	}
	service := deployment("Progressing")
	service.Target.Kind = "Service"
	daemonset := deployment("Failed")
	daemonset.Target.Kind = "DaemonSet"
	hook := func(kind v1beta1.HookType, name string) view.Hook { return view.Hook{Type: string(kind), Name: name} }
	confirm := hook(v1beta1.HookConfirmPromotion, "go")
	increase := hook(v1beta1.HookConfirmTrafficIncrease, "more")
	begin := hook(v1beta1.HookConfirmRollout, "it's time")

	for _, c := range []struct {
		verb   v1beta1.Verb
		canary view.Canary
		want   string
	}{
		{
			v1beta1.VerbPromote, deployment("Progressing", confirm),
			`to promote without further checks: kubectl patch canary app -n test --type=merge -p '{"spec":{"skipAnalysis":true}}' (and back to false afterwards)`,
		},
		{
			v1beta1.VerbPromote, deployment("WaitingPromotion", confirm),
			"to promote: kubectl canary gate open app confirm-promotion/go -n test",
		},
		{v1beta1.VerbPromote, deployment("WaitingPromotion"), `-p '{"spec":{"skipAnalysis":true}}'`},
		{
			v1beta1.VerbPromoteStep, deployment("Progressing", increase),
			"to let it go on with the next step: kubectl canary gate open app confirm-traffic-increase/more -n test",
		},
		{v1beta1.VerbPromoteStep, deployment("Progressing"), "it has nothing that ends a single step; to promote without further checks: kubectl patch"},
		{
			v1beta1.VerbAbort, deployment("Progressing", confirm, hook(v1beta1.HookRollback, "back")),
			"to end the run: kubectl canary gate open app rollback/back -n test (and close it afterwards)",
		},
		{
			v1beta1.VerbAbort, deployment("Progressing"),
			"to end the run: kubectl rollout undo deployment/web -n test (the run goes on, with what was there before)",
		},
		{v1beta1.VerbAbort, service, "to end the run: set the spec of Service web back"},
		{
			v1beta1.VerbPause, deployment("Progressing"),
			`to hold the weights, without checks: kubectl patch canary app -n test --type=merge -p '{"spec":{"suspend":true}}'`,
		},
		{v1beta1.VerbResume, deployment("Progressing"), `to go on: kubectl patch canary app -n test --type=merge -p '{"spec":{"suspend":false}}'`},
		{
			v1beta1.VerbRetry, daemonset,
			"to run it again, change an annotation of the pod template: kubectl rollout restart daemonset/web -n test",
		},
		{v1beta1.VerbRetry, service, "to run it again, change the spec of Service web"},
		{
			v1beta1.VerbRollback, deployment("Succeeded"),
			"to release the previous revision again, with all steps and checks: kubectl rollout undo deployment/web -n test",
		},
		{
			v1beta1.VerbApprove, deployment("Waiting", confirm, begin),
			`to open its gate: kubectl canary gate open app 'confirm-rollout/it'\''s time' -n test`,
		},
		{
			v1beta1.VerbApprove, deployment("Progressing", begin, confirm, increase),
			"to open its gate: kubectl canary gate open app confirm-traffic-increase/more -n test",
		},
		{
			v1beta1.VerbApprove, deployment("WaitingPromotion", begin, increase, confirm),
			"to open its gate: kubectl canary gate open app confirm-promotion/go -n test",
		},
		{v1beta1.VerbApprove, deployment("WaitingPromotion", begin), "its spec has no webhook that a run waits for now"},
		{
			v1beta1.VerbReject, deployment("WaitingPromotion", confirm),
			"to keep its gate closed: kubectl canary gate close app confirm-promotion/go -n test; to end the run: kubectl rollout undo deployment/web -n test",
		},
	} {
		have := Instead(c.verb, c.canary)
		if !strings.HasPrefix(have, "Flagger's own controller runs it and reads no verbs; ") || !strings.Contains(have, c.want) {
			t.Errorf("%s at %s:\nhave %s\nwant %s", c.verb, c.canary.Phase, have, c.want)
		}
	}
	for _, verb := range v1beta1.Verbs() {
		if strings.Contains(Instead(verb, deployment("Progressing")), "use kubectl") {
			t.Errorf("nothing is said in place of %s", verb)
		}
	}
}

func TestUnfitForeign(t *testing.T) {
	at := func(phase string, suspended bool) view.Canary { return view.Canary{Phase: phase, Suspended: suspended} }
	for _, c := range []struct {
		verb   v1beta1.Verb
		canary view.Canary
		want   string
	}{
		{v1beta1.VerbAbort, at("Succeeded", false), "no run is under way"},
		{v1beta1.VerbAbort, at("Progressing", false), ""},
		{v1beta1.VerbApprove, at("Initialized", false), "no run is under way"},
		{v1beta1.VerbResume, at("Progressing", false), "it is not suspended"},
		{v1beta1.VerbResume, at("Succeeded", true), ""},
		{v1beta1.VerbRetry, at("Progressing", false), "no revision has failed"},
		{v1beta1.VerbRetry, at("Failed", false), ""},
		{v1beta1.VerbRollback, at("Succeeded", false), ""},
	} {
		if have := unfitForeign(c.verb, c.canary); have != c.want {
			t.Errorf("%s at %+v: %q, want %q", c.verb, c.canary, have, c.want)
		}
	}
}
