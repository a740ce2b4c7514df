//go:build linux

package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// Images of the test cluster.
const (
	// AgentImage is the one in the shipped Deployment.
	AgentImage = "canary-agent"
	// AppImage is the first seed's application; its tag is the version it answers with.
	AppImage = "tkubica/web"
)

// Programs is where the programs under test are.
type Programs struct {
	// Agent, Plugin and App are paths of executables.
	Agent, Plugin, App string
	// FaultyAgent is an agent that can be made to die at a write of choice (agent/faults.go). Empty
	// if none is wanted.
	FaultyAgent string
	// Earlier is the agent of an earlier commit. Nil if none is wanted.
	Earlier *Earlier
}

// In names the programs in a directory, whether they are there or not.
func In(dir string) Programs {
	return Programs{
		Agent:  filepath.Join(dir, "canary-agent"),
		Plugin: filepath.Join(dir, "kubectl-canary"),
		App:    filepath.Join(dir, "app"),
	}
}

// Images is the node's table.
func (p Programs) Images() map[string]nodelet.Program {
	images := map[string]nodelet.Program{
		AgentImage: {Path: p.Agent},
		// A pod serves on while the proxy learns that it goes, which takes longer on a busy machine.
		AppImage + ":*": {Path: p.App, Env: map[string]string{"SHUTDOWN_DELAY": "3s"}},
	}
	if p.Earlier != nil {
		images[EarlierAgentImage] = nodelet.Program{Path: p.Earlier.Agent()}
	}
	return images
}

// Build builds the programs that have a path from this checkout; what is current costs a moment only. It has to be
// called before the program enters the namespaces of the test cluster, where no module can be
// downloaded; inside it does nothing.
func (p Programs) Build(ctx context.Context) error {
	if os.Getenv(isolate.RunEnv) != "" {
		return nil
	}
	root, err := Root()
	if err != nil {
		return err
	}
	for _, target := range []struct{ dir, pkg, out, tags string }{
		{root, "./cmd/canary-agent", p.Agent, ""},
		{root, "./cmd/kubectl-canary", p.Plugin, ""},
		{filepath.Join(root, "test"), "./app", p.App, ""},
		{root, "./cmd/canary-agent", p.FaultyAgent, "faults"},
	} {
		if target.out == "" {
			continue
		}
		if err := buildProgram(ctx, target.dir, target.pkg, target.out, target.tags); err != nil {
			return err
		}
	}
	if p.Earlier != nil {
		return p.Earlier.build(ctx, root)
	}
	return nil
}

// BuildTest builds a program of the test module, as Build builds those under test.
func BuildTest(ctx context.Context, pkg, out string) error {
	if os.Getenv(isolate.RunEnv) != "" {
		return nil
	}
	root, err := Root()
	if err != nil {
		return err
	}
	return buildProgram(ctx, filepath.Join(root, "test"), pkg, out, "")
}

// buildProgram builds a package in the module of a directory.
func buildProgram(ctx context.Context, dir, pkg, out, tags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-tags="+tags, "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w\n%s", pkg, dir, err, said)
	}
	return nil
}

// Root is the directory of the checkout that the current directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module github.com/kubectl-canary/kubectl-canary\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the current directory is not in a checkout of kubectl-canary")
		}
		dir = parent
	}
}
