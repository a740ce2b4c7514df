// Package reject is `kubectl canary reject`.
package reject
