// Package setup runs the scripts that install, upgrade and remove the agent. They run one after another,
// each in a cluster in which nothing of ours is installed at first.
package setup
