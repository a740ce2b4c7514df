// Package prometheus asks a Prometheus server, or whatever else speaks its query API, for one
// number.
//
// It is deliberately strict: a query that returns several series, a range or a histogram has no
// single value, and an error says so. Taking any one of them would judge a canary by chance.
package prometheus
