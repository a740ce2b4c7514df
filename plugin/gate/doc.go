// Package gate is `kubectl canary gate`: lists what a canary waits for before it goes on, and opens and
// closes those gates that are ours or a load tester's.
package gate
