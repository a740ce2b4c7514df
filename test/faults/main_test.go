//go:build linux

package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

func programs() stage.Programs {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	p := stage.In(filepath.Join(cache, "kubectl-canary", "faults"))
	p.FaultyAgent = p.Agent + "-faulty"
	p.Plugin = ""
	return p
}

func TestMain(m *testing.M) {
	nodelet.PodInit()
	if err := programs().Build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testbed.Main(m, testbed.Options{Programs: programs().Images()})
}

// TestShippedAgentHasNoFaults looks for the hooks in the agent as it is shipped.
func TestShippedAgentHasNoFaults(t *testing.T) {
	for path, want := range map[string]bool{programs().Agent: false, programs().FaultyAgent: true} {
		binary, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{faultsEnv, dieAfterWrites, panicAfterWrites, panicOn} {
			if got := bytes.Contains(binary, []byte(mark)); got != want {
				t.Errorf("%s contains %q: %t, want %t", path, mark, got, want)
			}
		}
	}
}
