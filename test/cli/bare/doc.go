// Package bare runs scripts in a cluster in which no agent is installed at first: life with another
// controller, with an agent that does not answer, without the API server, and leaving. They run one after
// another.
package bare
