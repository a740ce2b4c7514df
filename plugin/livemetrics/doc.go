// Package livemetrics asks Prometheus for the values of a canary's metrics between the checks of the
// agent, for display: no verdict rests on them.
//
// The questions are the agent's own (agent/analysis/queries), and so is the reading of the answers.
// Everything goes through the API server's proxy of Services with the rights of the user: a metrics
// server that is outside of the cluster, or that takes credentials, is not asked. Redirects are not
// followed, since a metrics server could lead the user's credentials elsewhere with them.
package livemetrics
