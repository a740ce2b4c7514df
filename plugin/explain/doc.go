// Package explain is `kubectl canary explain`: why a canary is where it is, what is awaited, what
// happens next and when, and what can be done about it. Explain is a pure function of a view; the
// command reads what the view needs.
package explain
