// Package install is `kubectl canary install`.
package install
