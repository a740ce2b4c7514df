// Package promote is `kubectl canary promote`.
package promote
