// Package supervise runs the processes of a test cluster as a group.
//
// Each process has a name, a log file and a process group of its own. The group
// starts a process and waits until it is ready, can stop, kill and start it again
// by name (fault tests need that), and stops everything in reverse order.
package supervise
