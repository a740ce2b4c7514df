// Package gatewayapi splits traffic by an HTTPRoute of the Gateway API
// (gateway.networking.k8s.io/v1), named after the apex and attached to spec.service.gatewayRefs.
//
// The route is rendered complete and explicit: both backends at all times with their weights, and
// every default of the API that lies inside of a list, so that what a user removes from the Canary
// can be told from what the API server added (routing.Leftover).
//
// The strategies differ in their rules, of which the last is always for all requests of the service:
//
//	weighted steps, Blue/Green   one rule with both backends and their weights
//	A/B test                     a rule for the requests that match, with the weights, before one
//	                             for all others with the primary only; while one side alone can
//	                             serve (Split.Everyone) one rule with the weights for all
//	session affinity             before the weighted rule, one for each side that has weight and a
//	                             cookie, for the clients that carry it; at the end of a run one that
//	                             takes the canary's cookie away
//	mirroring                    a filter in each of these rules
//
// How it is laid out: rules.go puts the rules together, with abtest.go and affinity.go for those
// that the strategies add; matches.go maps requests, filters.go and mirror.go what is done to them;
// observe.go reads weights and the answer of the controllers back; features.go asks the
// GatewayClasses whether they know the filters. Everything that cannot be expressed is refused by
// Check with the path of the field, never dropped: a dropped condition would match more requests
// than the user asked for (gotcha A10).
//
// Of the same objects in version v1beta1 the provider gatewayapi:v1beta1 is made.
package gatewayapi
