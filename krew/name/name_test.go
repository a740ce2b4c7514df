package name_test

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

func TestFilesAreThoseThatKubectlLooksFor(t *testing.T) {
	for _, c := range []struct{ plugin, goos, executable, completion string }{
		{"canary", "linux", "kubectl-canary", "kubectl_complete-canary"},
		{"canary", "windows", "kubectl-canary.exe", "kubectl_complete-canary.exe"},
		{"canary-rollout", "darwin", "kubectl-canary_rollout", "kubectl_complete-canary_rollout"},
	} {
		if have := name.Executable(c.plugin, c.goos); have != c.executable {
			t.Errorf("executable of %s on %s: %s, want %s", c.plugin, c.goos, have, c.executable)
		}
		if have := name.CompletionExecutable(c.plugin, c.goos); have != c.completion {
			t.Errorf("completion of %s on %s: %s, want %s", c.plugin, c.goos, have, c.completion)
		}
	}
}
