// Package routingtest holds what the tests of the traffic providers share: golden files and
// decoders for the manifests in them. No program imports it.
package routingtest
