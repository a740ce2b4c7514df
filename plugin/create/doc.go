// Package create is `kubectl canary create`: it writes a Canary for a workload that exists, or
// prints it for a repository.
package create
