// Package doctor is `kubectl canary doctor`: it looks for what keeps canaries of a cluster from working,
// with the rights of the user, and says how to mend it.
package doctor
