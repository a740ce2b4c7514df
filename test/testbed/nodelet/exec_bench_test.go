//go:build linux

package nodelet_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// BenchmarkReexec shows what the way through PodInit costs each process.
func BenchmarkReexec(b *testing.B) {
	testbed.Shared(b)
	for b.Loop() {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{"KUBECTL_CANARY_NODELET_INIT=/nonexistent"}
		cmd.ExtraFiles = []*os.File{os.Stderr}
		_ = cmd.Run()
	}
}
