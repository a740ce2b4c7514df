// Package manifest renders what an installation of the agent consists of from the manifests in the
// binary, and reads from a cluster how an installation was set up. It makes no requests.
package manifest
