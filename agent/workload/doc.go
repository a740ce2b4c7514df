// Package workload knows what a target is made of: how its revision is told, when it is ready,
// what its primary and its Services look like. It renders and interprets objects and does no I/O.
//
// The pod template is copied as the API server sent it, not by way of Go types, so that fields
// newer than this program's client library survive.
package workload
