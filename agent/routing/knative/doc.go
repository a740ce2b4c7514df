// Package knative splits traffic by spec.traffic of the Knative Service that is the target: between
// the newest ready Revision, which is the canary, and the Revision that is marked as the primary.
//
// The object is the user's. The agent owns spec.traffic and no metadata, and in it keeps what it finds:
// tags, which are addresses that people use, stay on their Revisions. Knative writes back to the status
// what its ingress has taken over, so an Observation is a confirmation.
package knative
