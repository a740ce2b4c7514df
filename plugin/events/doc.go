// Package events is `kubectl canary events`: the events of a canary, and on request those of what
// belongs to it.
package events
