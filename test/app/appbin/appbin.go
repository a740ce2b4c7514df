// Package appbin builds the demo app for tests and says which images it stands
// for on the testbed's node.
package appbin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

const importPath = "github.com/kubectl-canary/kubectl-canary/test/app"

// Build builds the demo app and returns its path. The Go build cache makes it
// quick from the second time on. It needs no network once the module cache is
// filled, which building the caller has done.
func Build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	path := filepath.Join(cache, "kubectl-canary", "testbed", "app", "app")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("build the demo app: %w", err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, importPath)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the demo app (in a directory of the test module: %v): %w\n%s", cmd, err, out)
	}
	return path, nil
}

// Programs returns the images that the demo app stands for: those of the seed
// manifests and, for the tests' own, "app".
func Programs(path string) map[string]nodelet.Program {
	p := nodelet.Program{Path: path, Commands: map[string]string{"podcli": path}}
	programs := map[string]nodelet.Program{}
	for _, image := range []string{"app", "tkubica/web", "stefanprodan/podinfo", "ghcr.io/stefanprodan/podinfo"} {
		programs[image+":*"] = p
	}
	return programs
}
