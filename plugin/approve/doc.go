// Package approve is `kubectl canary approve`.
package approve
