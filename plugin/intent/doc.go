// Package intent carries an operator's verb to the agent and brings back its answer: the machinery
// behind promote, abort, approve, rollback and the like, on the command line and in the terminal UI.
//
// A verb is a handful of annotations on the Canary, written together by server-side apply. The
// agent acts on an id that it has not seen and answers in status.lastIntent; Wait waits for that, so
// that no verb is lost silently. Whether the verb makes sense is the agent's to decide: what this
// side knows may be out of date. Only where nobody would read it, because another controller runs the
// canary, nothing is written.
package intent
