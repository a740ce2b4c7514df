//go:build linux

package cli

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/cli/script"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

func TestMain(m *testing.M) { script.Main(m) }

// TestScripts runs each script of testdata in a namespace of its own; the agent is installed.
func TestScripts(t *testing.T) {
	c := testbed.Shared(t)
	if err := stage.InstallPolicy(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := stage.Install(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	script.Run(t, "testdata", false)
}
