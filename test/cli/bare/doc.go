// Package bare runs scripts in a cluster in which no agent is installed at first: installing, leaving,
// and life with another controller. They run one after another, and each leaves the cluster as it
// found it.
package bare
