// Package wait is `kubectl canary wait`: it ends when canaries have reached a goal with the revision
// that their targets have, for pipelines.
package wait
