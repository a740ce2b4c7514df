// Package rewind shows the current or last run of a canary as it was at an earlier moment, made up
// of what the status keeps: the steps with their times, the samples of the metrics, the events, the
// beginning and the end of the run. It is pure: a view and a time in, a view out.
//
// What nobody has recorded is left empty rather than guessed: the pods, how long a pause lasted,
// what the revision of the primary was when no run of the history says it. Times of the status are
// cut to the second, and so is what is made of them.
package rewind
