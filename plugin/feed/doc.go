// Package feed watches one or many canaries and turns every change into a view.
//
// All canaries of a feed share one watch: a list in chunks, then a watch that resumes from the last
// resourceVersion it has seen. When it breaks, the feed says so (Stale), tries again with a growing
// delay, and says when it is up to date once more (Fresh). The views on screen stay meanwhile.
//
// With Detail, for one canary, the feed also watches its Events and the pods of both sides, and
// reads the two workloads for their images. A user who may not read them gets the canary without.
//
// A source runs in a goroutine of its own and only sends messages; the model that builds the views
// has one goroutine and no locks. Between the model and the reader stands a queue that keeps the
// newest view per canary, so a slow reader sees fewer views, never old ones.
package feed
