// Package events writes Kubernetes events about canaries.
//
// It does without the recorder of client-go for two reasons. That one folds unlike events of the
// same reason into one and drops what comes too fast; and its event names hold the time, so that an
// event that was written before a crash is written again after it. Here each event carries a key,
// its name is derived from the key, and the second write of the same event is answered
// AlreadyExists, which is as good as written.
//
// Recording never blocks: events wait in a bounded queue for one writer, and what does not fit is
// counted and logged. Every event is a log line as well, whether or not it reaches the cluster.
package events
