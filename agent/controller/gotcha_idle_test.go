package controller

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaH5IdleCanaryCostsNothing proves that a canary at rest costs no request: no pass by itself, and
// none that finds everything as it ought to be.
func TestGotchaH5IdleCanaryCostsNothing(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	before := r.passesOf("app")
	for range 5 {
		r.pass(t, "app")
	}
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests of an idle canary: %v", asked)
	}
	if extra := r.passesOf("app") - before; extra != 5 {
		t.Errorf("%d passes, of which 5 were asked for", extra)
	}
}
