// Package logs is `kubectl canary logs`: what the agent says about a canary, and the logs of the pods
// of both sides, as one.
package logs
