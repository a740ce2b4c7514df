// Package telemetry is how the agent is watched from outside: Prometheus metrics, the HTTP server
// with /metrics, /healthz and /readyz, and the log. Kubernetes events are in package
// telemetry/events.
//
// The flagger_* metrics keep the names, labels and values of Flagger 1.44, so that dashboards and
// alerts go on working; what those cannot say is in canary_agent_*. Every series that belongs to
// one canary goes away with it, and labels that hold free text are bounded.
package telemetry
