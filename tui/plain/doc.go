// Package plain is the watch of a canary as lines: append-only, one for each change, without
// colours, animation or cursor movement. It serves CI logs, screen readers and pipes.
package plain
