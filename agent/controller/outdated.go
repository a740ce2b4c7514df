package controller

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// outdatedRetry is how long the agent waits for newer CRDs before it tries again.
const outdatedRetry = 30 * time.Second

// unknownField says whether the API server's schema lacks a field that was applied.
func unknownField(err error) bool {
	return err != nil && strings.Contains(err.Error(), "field not declared in schema")
}

// outdatedCRD is for a cluster with the CRDs of another controller or of an older version: the
// status that the agent needs to go on after a crash cannot be kept there, so it changes nothing.
func (c *Controller) outdatedCRD(canary *v1beta1.Canary, err error) error {
	text := "the CRD canaries.flagger.app of the cluster lacks fields of this version; apply manifests/crd of this release, which accepts all present objects"
	if c.outdated.first(canaryName(canary)) {
		c.recorder.Record(canary, rollout.Message{
			Severity: rollout.Warning, Reason: "OutdatedCRD", Key: "OutdatedCRD", Text: "Nothing is done: " + text,
		}, c.now())
	}
	return &retryError{after: outdatedRetry, err: fmt.Errorf("write status of canary %s/%s: %s: %w", canary.Namespace, canary.Name, text, err)}
}
