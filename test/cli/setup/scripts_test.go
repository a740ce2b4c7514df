//go:build linux

package setup

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/cli/script"
)

func TestMain(m *testing.M) { script.Main(m) }

// TestScripts runs each script of testdata in a namespace of its own.
func TestScripts(t *testing.T) { script.Run(t, "testdata", true) }
