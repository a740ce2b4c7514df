//go:build linux

// Package rights holds what plugin/rights says about a user against what a real API server with the
// shipped roles and the shipped admission policy does.
package rights
