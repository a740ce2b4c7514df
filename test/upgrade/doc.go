// Package upgrade replaces the agent of an earlier commit, installed as that commit shipped it, by
// the one of this checkout, as an administrator does: the CRDs, the rights and the Deployment are
// applied again. The canaries are at rest in every way there is, or in the middle of a run. No pod
// restarts, no run starts, no route moves, no request fails; runs that are under way go on where
// they were, and the next release works.
//
// The earlier commit is the last one that tracked no configs and had neither strategies nor gates
// of its own. There is no test of the way back.
package upgrade
