// Package analysis judges a canary by its metrics.
//
// An Evaluator asks for all metrics of spec.analysis.metrics at once and gives one verdict each; a
// failing metric does not hide the others. It decides nothing: whether a verdict ends a run, holds
// it, or is asked for again is the caller's business, by Result.Failed, Held and Errored.
//
// A metric entry can have up to three parts: a builtin name, an inline query, a templateRef. Every
// part is checked against the same bounds, and the worst verdict stands for the entry, under its
// one name: Fail before Error before NoData before Pass.
//
// Values are compared as they are, durations in milliseconds with their fractions. The bounds are
// inclusive.
package analysis
