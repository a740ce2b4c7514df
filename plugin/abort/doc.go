// Package abort is `kubectl canary abort`.
package abort
