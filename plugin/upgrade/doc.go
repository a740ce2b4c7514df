// Package upgrade is `kubectl canary upgrade`.
package upgrade
