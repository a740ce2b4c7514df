//go:build linux

// Package e2e releases a real application on a real control plane, through a real proxy and under
// real load, with the agent and the plugin as they are shipped. Every test asserts from the
// proxy's answers that the traffic was split as wanted and that no request failed but those that
// the application failed on purpose.
package e2e
