//go:build linux

package bench

import (
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// samplesKept is how many samples of each metric a status has after an hour of checks.
const samplesKept = 60

// fleetLabel selects a fleet: other benchmarks leave canaries behind that are still being deleted.
const fleetLabel = "fleet"

// fleetSummary is what a screen of the whole fleet says when it has all of it.
const fleetSummary = "930 healthy"

// revisions of the fleet's canaries.
const oldRevision, newRevision = "rs:6d4cf56db6", "rs:7c548cbb77"

// fleetName is the name of the i-th canary of a fleet.
func fleetName(i int) string { return fmt.Sprintf("app-%04d", i) }

// fleet makes n canaries, with the namespace in their label, as an agent leaves them in the middle of
// its work: one in twenty holds a step, two in a hundred wait for somebody or have failed, the others
// have succeeded. The first holds a step, the second has succeeded; the screen of all shows the first
// and not the second.
func fleet(b *testing.B, c *testbed.Cluster, namespace string, n int) dynamic.ResourceInterface {
	b.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig)
	if err != nil {
		b.Fatal(err)
	}
	resource := client.Resource(v1beta1.CanaryResource).Namespace(namespace)
	template, err := stage.App{Namespace: namespace, Provider: "traefik", Edit: stepWeights(5, 10, 15, 20, 25, 30, 35, 40, 45, 50)}.Canary()
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	atOnce(b, n, func(i int) error {
		u, err := object(template)
		if err != nil {
			return err
		}
		u.SetName(fleetName(i))
		u.SetLabels(map[string]string{fleetLabel: namespace})
		made, err := resource.Create(b.Context(), u, metav1.CreateOptions{FieldManager: "kubectl"})
		if err != nil {
			return err
		}
		made.Object["status"] = fleetStatus(i, now)
		_, err = resource.UpdateStatus(b.Context(), made, metav1.UpdateOptions{FieldManager: "canary-agent"})
		return err
	})
	return resource
}

// fleetStatus is the status of the i-th canary.
func fleetStatus(i int, now time.Time) map[string]any {
	at := func(ago time.Duration) string { return now.Add(-ago).UTC().Format(time.RFC3339) }
	switch {
	case i%20 == 0:
		return underWay(i, now, map[string]any{
			"message":        "step 8 of 10: 40 % until the next check",
			"nextActionTime": at(-30 * time.Minute), // Not while the benchmark looks.
		})
	case i%100 == 10:
		s := underWay(i, now, map[string]any{"phase": "Waiting", "message": "paused by an operator"})
		s["run"].(map[string]any)["paused"] = true //nolint:forcetypeassert // underWay has made it.
		return s
	case i%100 == 50:
		s := ended(i, now, "Failed", "RolledBack", "request-success-rate 97.2 is below 99")
		s["failedChecks"] = int64(5)
		return s
	}
	return ended(i, now, "Succeeded", "Promoted", "revision "+newRevision+" is the primary's")
}

// underWay is a run that holds the eighth of ten steps.
func underWay(i int, now time.Time, over map[string]any) map[string]any {
	start := now.Add(-time.Hour)
	s := map[string]any{
		"phase": "Progressing", "canaryWeight": int64(40), "failedChecks": int64(0), "iterations": int64(0),
		"lastAppliedSpec": newRevision, "lastPromotedSpec": oldRevision, "observedGeneration": int64(1),
		"lastTransitionTime": start.UTC().Format(time.RFC3339),
		"run": map[string]any{
			"id": "run-1", "revision": newRevision, "startTime": start.UTC().Format(time.RFC3339),
			"phaseStartTime": start.UTC().Format(time.RFC3339), "step": int64(8), "checks": int64(samplesKept), "weight": int64(40),
			"holdStartTime": start.UTC().Format(metav1.RFC3339Micro),
		},
		"steps": stepStatuses(8, start), "measurements": measurements(i, start),
		"conditions": []any{promoted("Unknown", "Progressing", "New revision detected, progressing canary analysis.", start)},
	}
	maps.Copy(s, over)
	return s
}

// ended is a run that has come to an end two hours ago, after all of its steps or, if it failed, in
// the sixth.
func ended(i int, now time.Time, phase, outcome, message string) map[string]any {
	start, end := now.Add(-3*time.Hour), now.Add(-2*time.Hour)
	steps, primary, weight, status := 10, newRevision, int64(50), "True"
	if phase == "Failed" {
		steps, primary, weight, status = 6, oldRevision, 30, "False"
	}
	from, to := start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339)
	return map[string]any{
		"phase": phase, "canaryWeight": int64(0), "failedChecks": int64(0), "iterations": int64(0),
		"lastAppliedSpec": newRevision, "lastPromotedSpec": primary, "observedGeneration": int64(1),
		"lastTransitionTime": to, "message": message,
		"run": map[string]any{
			"id": "run-1", "revision": newRevision, "startTime": from, "endTime": to, "outcome": outcome,
			"phaseStartTime": to, "step": int64(steps), "checks": int64(samplesKept), "weight": weight,
		},
		"steps": stepStatuses(steps, start), "measurements": measurements(i, start),
		"conditions": []any{promoted(status, phase, message, end)},
	}
}

func promoted(status, reason, message string, at time.Time) map[string]any {
	text := at.UTC().Format(time.RFC3339)
	return map[string]any{
		"type": "Promoted", "status": status, "reason": reason, "message": message, "lastUpdateTime": text, "lastTransitionTime": text,
	}
}

// stepStatuses has n of ten steps reached, each held for six minutes.
func stepStatuses(n int, start time.Time) []any {
	steps := make([]any, 10)
	for i := range steps {
		step := map[string]any{"weight": int64(5 * (i + 1)), "state": "Pending"}
		if i < n {
			at := start.Add(time.Duration(6*i) * time.Minute)
			step["state"], step["startTime"] = "Passed", at.UTC().Format(time.RFC3339)
			if i == n-1 && n < len(steps) {
				step["state"] = "Active"
			} else {
				step["endTime"] = at.Add(6 * time.Minute).UTC().Format(time.RFC3339)
			}
		}
		steps[i] = step
	}
	return steps
}

// measurements has two metrics with a sample a minute, of the canary and of the primary.
func measurements(i int, start time.Time) []any {
	series := func(canary, primary, swing float64) []any {
		samples := make([]any, samplesKept)
		for k := range samples {
			wave := swing * math.Sin(float64(i)+float64(k)/5)
			samples[k] = map[string]any{
				"time":  start.Add(time.Duration(k) * time.Minute).UTC().Format(time.RFC3339),
				"value": fmt.Sprintf("%.2f", canary+wave), "primary": fmt.Sprintf("%.2f", primary-wave/2),
				"weight": int64(5 * (k/6 + 1)), "verdict": "Pass",
			}
		}
		return samples
	}
	return []any{
		map[string]any{"metric": "request-success-rate", "unit": "percent", "min": "99", "samples": series(99.7, 99.8, 0.2)},
		map[string]any{"metric": "request-duration", "unit": "milliseconds", "max": "500", "samples": series(220, 210, 60)},
	}
}
