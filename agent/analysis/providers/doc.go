// Package providers says what a system that answers metric queries is to the agent. Each system
// has a package of its own below this one; package analysis knows which there are.
package providers
