// Package pause is `kubectl canary pause`.
package pause
