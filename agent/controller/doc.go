// Package controller runs the agent: it watches canaries and what belongs to them, asks
// rollout.Decide what is to be done whenever something changes, and carries the plan out.
//
// One pass over a canary is: observe (observe.go builds a rollout.World from caches only),
// decide (package rollout), carry out (execute.go: the status first, then the effects). Nothing
// slow happens in a pass: metric queries and webhooks run in a bounded pool (jobs.go) and put the
// canary back into the queue when they are done. An idle canary causes no pass and no request.
//
// Caches lag behind the agent's own writes, so each object that the API server returned from a
// write is remembered until the cache has caught up (recent.go). That makes the agent see its own
// writes, and nobody ever writes into a cache.
package controller
