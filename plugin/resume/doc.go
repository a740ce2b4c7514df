// Package resume is `kubectl canary resume`.
package resume
