// Package gatewayapi splits traffic by an HTTPRoute of the Gateway API
// (gateway.networking.k8s.io/v1), named after the apex and attached to spec.service.gatewayRefs.
//
// The route is rendered complete and explicit: both backends at all times with their weights, and
// every default of the API that lies inside of a list, so that what a user removes from the Canary
// can be told from what the API server added (routing.Leftover).
//
// How it is laid out: rules.go puts the rules together, and is where further rules of an A/B test
// or of session affinity will go; matches.go maps requests, filters.go what is done to them;
// observe.go reads weights and the answer of the controllers back. Everything that cannot be
// expressed is refused by Check with the path of the field, never dropped: a dropped condition
// would match more requests than the user asked for (gotcha A10).
package gatewayapi
