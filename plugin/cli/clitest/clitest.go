// Package clitest runs one command of the plugin against an API server for tests.
package clitest

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Now is the time of all tests.
var Now = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// Program is a command and the server it speaks to.
type Program struct {
	// Server that answers.
	Server *clustertest.Server
	// New builds the command.
	New func(cli.Deps) *cobra.Command
	// Terminal tells what the streams can do.
	Terminal cli.Terminal
	// OnOut and OnErr, when set, get what is written, at once.
	OnOut, OnErr func(string)
	// Now is the clock; that of all tests when nil.
	Now func() time.Time

	t      testing.TB
	config string
}

// New starts a server for a command.
func New(t testing.TB, build func(cli.Deps) *cobra.Command) *Program {
	t.Helper()
	server := clustertest.New(t)
	return &Program{Server: server, New: build, t: t, config: server.Kubeconfig(t)}
}

// Result of a command line.
type Result struct {
	Out, Err string
	Code     int
	t        testing.TB
}

// Run is one command line, split at spaces, without the name of the command.
func (p *Program) Run(line string) Result {
	p.t.Helper()
	return p.RunContext(p.t.Context(), strings.Fields(line)...)
}

// RunContext is Run with a context and separate arguments.
func (p *Program) RunContext(ctx context.Context, args ...string) Result {
	p.t.Helper()
	out, errOut := &stream{f: p.OnOut}, &stream{f: p.OnErr}
	deps := cli.Deps{
		Streams:  genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: errOut},
		Cluster:  &cluster.Access{UserAgent: "test"},
		Now:      func() time.Time { return Now },
		Terminal: p.Terminal,
	}
	if p.Now != nil {
		deps.Now = p.Now
	}
	root := &cobra.Command{Use: "canary", SilenceErrors: true, SilenceUsage: true}
	root.SetOut(out)
	root.SetErr(errOut)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.Usagef("%w", err) })
	deps.Cluster.AddFlags(root.PersistentFlags())
	cmd := p.New(deps)
	root.AddCommand(cmd)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		args = append([]string{args[0], cmd.Name()}, args[1:]...)
	} else {
		args = append([]string{cmd.Name()}, args...)
	}
	root.SetArgs(append(slices.Clip(args), "--kubeconfig", p.config))
	if args[0] == cobra.ShellCompRequestCmd { // flags in front, or they would be completed
		root.SetArgs(append([]string{args[0], "--kubeconfig", p.config}, args[1:]...))
	}
	err := root.ExecuteContext(ctx)
	if err != nil {
		if message := cli.Message(err); message != "" {
			_, _ = errOut.Write([]byte("error: " + message + "\n"))
		}
	}
	return Result{Out: out.String(), Err: errOut.String(), Code: cli.CodeOf(err), t: p.t}
}

// Want checks the code, and that both outputs contain what they should; an empty one has to be empty.
func (r Result) Want(code int, out, errOut string) Result {
	r.t.Helper()
	if r.Code != code {
		r.t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.Code, code, r.Out, r.Err)
	}
	for _, c := range []struct{ name, have, want string }{{"stdout", r.Out, out}, {"stderr", r.Err, errOut}} {
		if c.want == "" && c.have != "" {
			r.t.Errorf("%s should be empty, but is: %s", c.name, c.have)
		}
		if !strings.Contains(c.have, c.want) {
			r.t.Errorf("%s should contain %q, but is: %s", c.name, c.want, c.have)
		}
	}
	return r
}

// Golden compares with testdata/NAME.golden.
func Golden(t testing.TB, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", path, have, want)
	}
}

// Once calls f for the first output only.
func Once(f func()) func(string) {
	var once sync.Once
	return func(string) { once.Do(f) }
}

// stream keeps what is written and shows it.
type stream struct {
	mu sync.Mutex
	b  bytes.Buffer
	f  func(string)
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	n, err := s.b.Write(p)
	s.mu.Unlock()
	if s.f != nil {
		s.f(string(p))
	}
	return n, err
}

// String is all that was written.
func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
