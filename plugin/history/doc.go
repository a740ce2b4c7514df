// Package history is `kubectl canary history`: the last runs of canaries, and one run in full.
package history
