//go:build linux

// Package bench measures what a rollout costs on a real control plane: the time from the change of
// the image to the end, and the requests at the API server. It prints figures and asserts none.
package bench
