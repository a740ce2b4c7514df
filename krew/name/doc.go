// Package name is the one place that knows what the plugin is called.
//
// The maintainers of krew's index may ask for a more telling name than a bare noun. Then Plugin is
// changed here, for instance to "canary-rollout", and the program, the link for completion, the archives
// and the manifest follow.
package name
