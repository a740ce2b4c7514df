// Package watch is `kubectl canary watch`: the terminal UI, or, where nobody can look at one,
// a line per change.
package watch
