// Package load sends HTTP requests at a constant rate and keeps what came back.
//
// The loop is open: a request is sent when its time has come, whether or not the
// ones before have been answered. A closed loop, in which each worker waits for
// its answer, sends less while the server is slow, and so hides the very outage
// that a test is looking for.
//
// Nothing is retried, no redirect is followed and no proxy is used: every failure
// is a failure that a user would have seen. Requests go only to the
// loopback network and to the testbed's pod and service ranges.
package load
