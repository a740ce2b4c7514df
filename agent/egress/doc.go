// Package egress makes the HTTP clients for every request whose address comes from a manifest:
// webhooks, metric providers, alerts.
//
// Whoever may write a Canary chooses where the agent connects to, and the agent stands at a place
// in the network where more is reachable than from outside. A Guard therefore refuses addresses
// that no such request has any business with: loopback (the agent's own pod), link-local and the
// well-known metadata services of clouds, and the API server. The address is judged after name
// resolution, at the moment the socket is about to connect, so a name that resolves to something
// harmless first and to something else afterwards gains nothing.
//
// The clients follow no redirects and cut off response bodies, and FirstLine makes what is left
// fit for an event or a terminal.
package egress
