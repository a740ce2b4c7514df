// Package queries holds the PromQL of the builtin metrics, one shape per observer, and renders it
// and the queries of users.
//
// An observer is the kind of metrics a traffic provider leaves in Prometheus. Observer finds the
// one for a canary; Lookup finds its query; Builtin.Render gives the text for the canary or, so
// that the two can be compared, for the primary. Value reads the answer.
//
// The table follows the API that manifests are written for, with these differences:
//
//   - A canary of which every request fails has a success rate of 0, not "no data": the numerator
//     falls back to 0 where no good request has ever been counted.
//   - Queries name what the routing objects name, which is service.name, not the target, for
//     gloo, kuma, traefik and apisix.
//   - Names are escaped where they become part of a regular expression.
//   - DaemonSets are told apart from Deployments where metrics do so.
//   - A provider without builtin queries is an error. It never becomes istio.
//
// The package is light: the plugin imports it, too.
package queries
