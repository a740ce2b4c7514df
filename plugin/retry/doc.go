// Package retry is `kubectl canary retry`.
package retry
