//go:build linux

// Package bench measures what a rollout costs on a real control plane: the time from the change of
// the image to the end, and the requests at the API server; and what the plugin costs who looks at
// it, in lists and on the screen. It prints figures and asserts none.
package bench
