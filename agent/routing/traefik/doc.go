// Package traefik splits traffic by a TraefikService of Traefik Proxy (traefik.io/v1alpha1): a
// weighted round robin over the primary and the canary Service, named after the apex.
// IngressRoutes refer to it by kind TraefikService instead of Service; the agent does not touch
// them.
//
// The canary is part of the TraefikService only while it has weight, so that a canary Service
// without endpoints is no concern of Traefik's. Traefik reports nothing back about TraefikServices,
// so that an Observation never is a confirmation.
package traefik
