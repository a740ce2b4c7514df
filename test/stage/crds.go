//go:build linux

package stage

import (
	"context"
	"embed"
	"fmt"
	"path"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// Kinds of other projects that a Canary may refer to. They are written for the tests: names, scope
// and versions are the projects' own, the schemas take whatever is written, and no controller runs.
const (
	// KEDA has ScaledObject, keda.sh/v1alpha1.
	KEDA = "keda"
	// Knative has Service and Revision, serving.knative.dev/v1.
	Knative = "knative"
)

//go:embed crds/*.yaml
var foreignCRDs embed.FS

// InstallKinds makes the API server know the kinds of the projects, KEDA and Knative. They are of
// use to an agent that starts afterwards; it may be called more than once.
func InstallKinds(ctx context.Context, c *testbed.Cluster, projects ...string) error {
	for _, project := range projects {
		text, err := foreignCRDs.ReadFile(path.Join("crds", project+".yaml"))
		if err != nil {
			return fmt.Errorf("install the kinds of %s: there is no file of this name among the CRDs of the test stage: %w", project, err)
		}
		if err := c.Apply(ctx, "", text); err != nil {
			return fmt.Errorf("install the kinds of %s: %w", project, err)
		}
	}
	return nil
}
