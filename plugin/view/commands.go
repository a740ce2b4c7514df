package view

import (
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Controller is a program of the cluster that runs canaries, or could.
type Controller struct {
	// Name is canary-agent or flagger.
	Name string `json:"name"`
	// Namespace and Deployment it runs in.
	Namespace  string `json:"namespace"`
	Deployment string `json:"deployment"`
	// Ready is the number of its pods that are ready.
	Ready int64 `json:"ready"`
}

// Command is what to type in order to give an operator verb, ready for a shell.
func (c Canary) Command(verb string) string {
	words := []string{"kubectl", "canary", verb, shellWord(c.Name), "-n", shellWord(c.Namespace)}
	gate, waits := c.WaitingGate()
	switch v1beta1.Verb(verb) {
	case v1beta1.VerbPromoteStep:
		words[2] = string(v1beta1.VerbPromote)
		words = append(words, "--step")
	case v1beta1.VerbApprove, v1beta1.VerbReject:
		if waits {
			words = append(words, "--gate", shellWord(gate.Name))
		}
	default:
	}
	return strings.Join(words, " ")
}
