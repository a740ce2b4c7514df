// Package traefik splits traffic by a TraefikService of Traefik Proxy (traefik.io/v1alpha1), named
// after the apex: a weighted round robin over the primary and the canary Service, or, while requests
// are mirrored, a mirroring of the primary with the canary as its mirror. IngressRoutes refer to it
// by kind TraefikService instead of Service; the agent does not touch them.
//
// The canary is part of the TraefikService only while it has weight or gets copies, so that a
// canary Service without endpoints is no concern of Traefik's. Traefik reports nothing back about
// TraefikServices, so that an Observation never is a confirmation.
//
// Traefik sends a copy when the primary has answered, and holds request bodies in memory for it. It
// routes by headers in IngressRoutes only, so there is no A/B testing here.
package traefik
