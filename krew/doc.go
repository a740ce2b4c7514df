// Package krew makes the krew package of the plugin and checks it as the maintainers of krew's index do.
//
// Snapshot builds one archive per platform and renders the manifest, canary.yaml, from them. Check holds
// the manifest and the archives to the rules of the index, lays every platform out on disk as krew does,
// and runs the one of this machine from there. Each rule has a name, and every problem says which one it
// breaks.
package krew
