// Package rollout is the state machine of a Canary: one pure function, Decide, from what was
// observed to what is to be done.
//
// It does no I/O, has no clock and keeps no memory. Everything it needs is in World, everything
// it wants is in Plan, and everything that must survive a crash is in the status that Plan
// carries. The executor (agent/controller) writes that status first, with a check that nobody
// else has written since, and only then carries out the effects in order. So a decision taken on
// stale facts has no effect at all, and a crash between any two writes leaves a status from which
// the next decision derives the effects that are missing: effects are never remembered, they are
// computed anew from the status and the world each time, until the world agrees.
//
// Three rules keep users' traffic safe, whatever the phase; they are the invariants S1, S2 and S6
// of docs/architecture.md:
//
//   - weight goes only to a side that can serve it (split.go);
//   - a side is scaled down only after the route has been off it for the drain delay, and the
//     router, if it reports at all, has confirmed that (idle.go);
//   - a revision is copied to the primary only while it has ready pods and is the revision that
//     was analysed (promote.go).
package rollout
