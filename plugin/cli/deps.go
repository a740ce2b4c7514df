package cli

import (
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// FieldManager is the name the plugin writes under, so that `kubectl get --show-managed-fields`
// and GitOps tools can tell its fields from those of others.
const FieldManager = "kubectl-canary"

// Deps is what commands are built from. Tests replace each of them.
type Deps struct {
	// Streams: data goes to Out, words go to ErrOut.
	Streams genericiooptions.IOStreams
	// Cluster that the kubeconfig flags name.
	Cluster *cluster.Access
	// Now is the clock.
	Now func() time.Time
	// Build says which build of the plugin this is.
	Build Build
	// Terminal tells what the streams can do.
	Terminal Terminal
}

// Build is set by the linker.
type Build struct {
	// Version is a semantic version with a leading v, or "dev".
	Version string `json:"version"`
	// Commit is the git revision.
	Commit string `json:"commit,omitempty"`
	// Date is the time of the commit in RFC 3339.
	Date string `json:"date,omitempty"`
}
