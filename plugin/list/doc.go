// Package list is `kubectl canary list`: a table of canaries like that of kubectl get, or the
// objects themselves with -o.
package list
