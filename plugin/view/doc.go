// Package view holds the view models of the plugin: plain structs, built by pure functions from
// API objects, that every output renders. The table, the JSON, the plain log and the terminal UI
// show the same Canary and differ only in how they draw it.
//
// # Schema
//
// The JSON of a Canary (`kubectl canary status NAME -o json`) is a stable interface: names are
// camelCase, fields are only ever added, times are RFC 3339, durations are Go durations ("1m30s"),
// weights are percent, and a measured value that does not exist is absent rather than zero.
// Nothing in it depends on a terminal: no colours, no widths, no padding.
//
// # Trust
//
// A status may be half empty, written by another controller, or hostile. Build never panics on
// one and clamps what it cannot believe (a weight of 4000, a million steps). Strings are passed
// on as they are; whoever writes to a terminal escapes them (see Clean).
package view
