package root

import "strings"

// iterations makes a run of repeated checks of the running one.
func iterations(analysis, steps string, weight string) string {
	before, _, _ := strings.Cut(running, "  steps:\n")
	_, after, _ := strings.Cut(running, "  measurements:\n")
	return strings.NewReplacer(
		"    stepWeight: 20\n    maxWeight: 60\n", analysis, "canaryWeight: 40", "canaryWeight: "+weight,
		"    step: 2\n", "    step: 3\n", "message: holding 40% of the traffic", "message: 'Progressing: step 3 of 5.'",
	).Replace(before + "  steps:\n" + steps + "  measurements:\n" + after)
}

var (
	blueGreen = iterations("    iterations: 4\n    mirror: true\n", `
  - {weight: 0, mirror: true, state: Passed, startTime: "2026-08-01T11:58:30Z", endTime: "2026-08-01T11:59:00Z"}
  - {weight: 0, mirror: true, state: Passed, startTime: "2026-08-01T11:59:00Z", endTime: "2026-08-01T11:59:40Z", failedChecks: 1}
  - {weight: 0, mirror: true, state: Active, startTime: "2026-08-01T11:59:40Z"}
  - {weight: 0, mirror: true, state: Pending}
  - {weight: 100, hold: 5m, state: Pending}
`, "0")
	abTesting = iterations("    iterations: 5\n    match: [{headers: {x-canary: {exact: insider}}}]\n", `
  - {weight: 100, state: Passed, startTime: "2026-08-01T11:58:30Z", endTime: "2026-08-01T11:59:00Z"}
  - {weight: 100, state: Passed, startTime: "2026-08-01T11:59:00Z", endTime: "2026-08-01T11:59:40Z", failedChecks: 1}
  - {weight: 100, state: Active, startTime: "2026-08-01T11:59:40Z"}
  - {weight: 100, state: Pending}
  - {weight: 100, state: Pending}
`, "100")
)

// flaggerABTesting is an A/B run of Flagger, whose status says nothing but the iteration.
const flaggerABTesting = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test, creationTimestamp: "2026-08-01T11:00:00Z"}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service: {port: 9898}
  analysis: {interval: 1m, threshold: 10, iterations: 10, match: [{headers: {x-canary: {exact: insider}}}]}
status:
  phase: Progressing
  canaryWeight: 0
  failedChecks: 1
  iterations: 3
  lastAppliedSpec: 7c548cbb77
  lastPromotedSpec: 5d9b8cf6f4
  lastTransitionTime: "2026-08-01T11:30:00Z"
  conditions:
  - {type: Promoted, status: Unknown, reason: Progressing, message: "New revision detected, progressing canary analysis."}`
