// Package faults releases a new version while something goes wrong: the agent is killed after each
// of its writes in turn, hooks hang, others write what the agent keeps, the API server, etcd and
// Prometheus go away. After each fault the release has to end as it does without one: no request
// failed at the proxy, no step was skipped or repeated, no check and no hook counted twice.
//
// TestFaults prints a table with a row per fault. Faults of one agent run side by side, each with an
// agent process of its own for its namespace, under the rights of the shipped ServiceAccount. Such
// an agent runs without leader election, because there is one lease for a cluster. The faults of
// the cluster come last, one after the other, with the agent installed as it is shipped.
//
// The agent that can be killed at a write is built with the tag faults (agent/faults.go).
package faults
