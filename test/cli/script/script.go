//go:build linux

package script

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// Programs under test, built into the cache.
func Programs() stage.Programs {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return stage.In(filepath.Join(cache, "kubectl-canary", "cli"))
}

// Main builds the programs and runs the tests of a package inside of a test cluster.
func Main(m *testing.M) {
	nodelet.PodInit()
	flag.Parse()
	if err := Programs().Build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	images := Programs().Images()
	// The controller that serves the same API; here it is a program that does nothing.
	images["flagger:*"] = nodelet.Program{Path: Programs().App}
	testbed.Main(m, testbed.Options{Programs: images, Clients: []string{binaries.Kubectl}})
}

// key of the run in the environment of a script.
type key struct{}

// run is one script.
type run struct {
	ctx       context.Context
	cluster   *testbed.Cluster
	namespace string
	work      string
	users     map[string]bool
	cleanup   func(func())
}

func of(ts *testscript.TestScript) *run {
	r, ok := ts.Value(key{}).(*run)
	if !ok {
		ts.Fatalf("the script has no cluster")
	}
	return r
}

// Run runs the scripts of a directory. With sequential one after another, in alphabetical order, each in
// a cluster in which nothing of ours, or of another controller, is installed.
func Run(t *testing.T, dir string, sequential bool) {
	t.Helper()
	c := testbed.Shared(t)
	bin := t.TempDir()
	for name, path := range map[string]string{
		"kubectl":                 c.Program(binaries.Kubectl),
		"kubectl-canary":          Programs().Plugin,
		"kubectl_complete-canary": Programs().Plugin,
	} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	params := testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			if sequential {
				if err := sweep(c); err != nil {
					return err
				}
			}
			return setup(env, c, bin)
		},
		Cmds: commands(dir),
	}
	if !sequential {
		testscript.Run(t, params)
		return
	}
	testscript.RunT(inTurn{t}, params)
}

func setup(env *testscript.Env, c *testbed.Cluster, bin string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	env.Defer(cancel)
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	namespace, err := c.Client().CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: strings.ToLower(strings.ReplaceAll(name, "_", "-")) + "-"},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("make a namespace for the script: %w", err)
	}
	env.Defer(func() {
		_ = c.Client().CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{})
	})
	r := &run{ctx: ctx, cluster: c, namespace: namespace.Name, work: env.WorkDir, users: map[string]bool{}, cleanup: env.Defer}
	admin, err := r.kubeconfig("admin", "", namespace.Name)
	if err != nil {
		return err
	}
	root, err := stage.Root()
	if err != nil {
		return err
	}
	env.Values[key{}] = r
	env.Setenv("ROOT", root)
	env.Setenv("NS", namespace.Name)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("KUBECONFIG", admin)
	env.Setenv("SERVER", c.RESTConfig.Host)
	env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("BIN", bin)
	env.Setenv("TERM", "dumb")
	return nil
}

// cmdServer stops and starts the API server, for scripts that run alone.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	r := of(ts)
	switch {
	case !neg && len(args) == 1 && args[0] == "stop":
		ts.Check(r.cluster.Processes.Kill9(binaries.APIServer))
	case !neg && len(args) == 1 && args[0] == "start":
		ts.Check(r.cluster.Processes.Start(r.ctx, binaries.APIServer))
	default:
		ts.Fatalf("usage: server stop|start")
	}
}

// inTurn runs scripts one after another.
type inTurn struct{ *testing.T }

// Parallel implements testscript.T; it does nothing.
func (inTurn) Parallel() {}

// Run implements testscript.T.
func (t inTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(inTurn{t}) })
}

// Verbose implements testscript.T.
func (inTurn) Verbose() bool { return testing.Verbose() }
