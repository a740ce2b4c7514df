//go:build linux

package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// earlierCommit is the one that is upgraded from.
const earlierCommit = "687a08e7ead86c98cb99c0c75f5f1144da3cc9a5"

func programs() stage.Programs {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "kubectl-canary", "upgrade")
	p := stage.In(dir)
	p.Plugin = ""
	p.Earlier = stage.EarlierIn(dir, earlierCommit)
	return p
}

func TestMain(m *testing.M) {
	nodelet.PodInit()
	if err := programs().Build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testbed.Main(m, testbed.Options{Programs: images()})
}

// images is the node's table; the application has a shell, so that a manifest can say when it
// starts.
func images() map[string]nodelet.Program {
	all := programs().Images()
	for name, program := range all {
		if strings.HasPrefix(name, stage.AppImage+":") {
			program.Commands = map[string]string{"sh": "/bin/sh"}
			program.Env["PROGRAM"] = program.Path // For the shell to start.
			all[name] = program
		}
	}
	return all
}
