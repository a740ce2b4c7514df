// Package rollback is `kubectl canary rollback`.
package rollback
