// Package set is `kubectl canary set image`: it starts a release by changing the images of the target of
// a canary.
package set
