// Package uninstall is `kubectl canary uninstall`.
package uninstall
