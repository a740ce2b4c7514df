// Package eject is `kubectl canary eject`.
package eject
