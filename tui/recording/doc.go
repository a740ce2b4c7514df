// Package recording writes what a screen was shown to a file, and plays it back without a cluster.
//
// # Format
//
// A recording is UTF-8 text, one JSON object a line (newline-delimited JSON), gzipped when the name
// of the file ends in .gz. The first line is the header:
//
//	{"apiVersion":"kubectl-canary/v1","kind":"Recording","started":"2026-03-14T12:05:00.25Z",
//	 "context":"prod","namespace":"test","name":"app","scope":"...","program":"v1.2.0"}
//
// Every other line is one update:
//
//	{"ms":1250,"from":"detail","kind":"canary","namespace":"test","name":"app","view":{...}}
//
// ms is when it reached the screen, in milliseconds since started, by the wall clock. from is the
// channel it came through: fleet, detail or live; namespace and name say whose, or what it is about.
// kind is one of:
//
//	canary    a state of a canary: view is all of it, in the schema of `kubectl canary status -o json`;
//	          patch, in its place, is what changed since the state before, of the same canary in the
//	          same channel, as a JSON Patch (RFC 6902) of the operations add, remove and replace
//	gone      the canary was deleted
//	stale     the connection was lost; since is the time of the last good answer, error why, as text
//	fresh     stale is over
//	synced    all that existed at the start has been reported
//	failed    the source has ended for good; error says why
//	alive     the server was heard from; at most one a second and channel is written
//	live      values measured between two checks: values and note
//	opened    somebody began to look: the channel was opened
//	closed    and this is its end
//	action    an operator verb and its answer: verb, accepted, message, and error when there was none
//
// A state equal to the one before is not written, and one that differs a little is a patch, so that
// a line costs what has changed; every so often there is a whole state, so that seeking is quick.
//
// # Reading
//
// A reader leaves lines of an unknown kind, and fields that it does not know, alone. A last line
// without its newline is the end of a program that was killed, and no error. A line whose time lies
// before that of the line above counts as at the same time. Everything else that cannot be read is
// an error that names file and line.
package recording
