// Package controllers finds out which controllers of the Canary API run in a cluster: agents of this
// project, and Flagger.
package controllers
