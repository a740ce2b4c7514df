//go:build linux

// Package stage sets the stage for a release in a test cluster: it builds the product's programs,
// installs its CRDs and the agent as they are shipped, and puts the first seed's application, with
// its Canary and a way in through the proxy, into a namespace. The end-to-end tests, the
// benchmarks and the demo all play on it.
package stage
