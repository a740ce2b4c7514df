// Package webhook calls the HTTP endpoints that a canary names in spec.analysis.webhooks.
//
// A call is a POST of a small JSON document. Any status from 200 to 299 is success. An endpoint
// that answers 429 or 5xx, or not at all, is tried again as often as the hook says; anything else
// is its answer. Every attempt of one call carries the same Idempotency-Key, so that a receiver
// can tell a repeated attempt, also after a restart of the agent, from a new call.
//
// Calls block for as long as their timeouts and retries add up to: they belong into a pool.
package webhook
