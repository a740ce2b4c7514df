// Package status is `kubectl canary status`: everything known about one canary in one block, or,
// with --watch, one line per change until the run has ended, for scripts and pipelines.
package status
