package controller

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaH1PanicInAnAlert is a panic of a sender of events or alerts, which ends nothing but its call.
func TestGotchaH1PanicInAnAlert(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := newOutcalls(ctx, discard)
	defer o.wait()
	defer cancel()
	done := make(chan struct{})
	o.send(&v1beta1.Canary{}, "alert", func(context.Context) { panic("a fault on purpose") })
	o.send(&v1beta1.Canary{}, "alert", func(context.Context) { close(done) })
	<-done
}

// TestGotchaB24YoungerTakesOver wakes the younger canary when the older one goes.
func TestGotchaB24YoungerTakesOver(t *testing.T) {
	old, young := canaryOf("app", nil), canaryOf("young", func(spec map[string]any) {
		spec["targetRef"].(map[string]any)["name"] = "app"
	})
	old.SetCreationTimestamp(metav1.NewTime(time.Unix(1000, 0)))
	young.SetCreationTimestamp(metav1.NewTime(time.Unix(2000, 0)))
	api := newAPIServer(t, deploymentObject("app"), young, old)
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	before := r.passesOf("young")
	api.remove("canaries", "app")
	eventually(t, "the younger one is woken", func() bool { return r.passesOf("young") > before })
}

// TestGotchaB9MendedCanaryLosesItsCondition takes back what was said under another field manager.
func TestGotchaB9MendedCanaryLosesItsCondition(t *testing.T) {
	api := newAPIServer(t, deploymentObject("bad"), canaryOf("bad", func(spec map[string]any) {
		spec["analysis"] = map[string]any{"interval": "1s", "threshold": int64(1), "stepWeight": 2.5}
	}))
	r := start(t, api, &parts{}, nil)
	eventually(t, "it is told", func() bool { reason, _ := r.condition("bad", v1beta1.ConditionStalled); return reason == "Undecodable" })
	api.edit("canaries", "bad", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, int64(2), "spec", "analysis", "stepWeight")
	})
	r.atRest(t, "bad", v1beta1.PhaseInitialized)
	if reason, message := r.condition("bad", v1beta1.ConditionStalled); reason != "" {
		t.Errorf("the condition stays: %s %s", reason, message)
	}
	r.pass(t, "bad")
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests of an idle canary: %v", asked)
	}
}
