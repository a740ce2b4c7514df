// Package completion is `kubectl canary completion`: the link through which kubectl completes arguments
// of the plugin, and scripts for those who call the program by its own name.
package completion
