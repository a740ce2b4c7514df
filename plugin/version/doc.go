// Package version is `kubectl canary version`.
package version
