//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

// The agent's side of these is agent/faults.go.
const (
	faultsEnv        = "CANARY_AGENT_FAULTS"
	dieAfterWrites   = "die-after-writes"
	panicAfterWrites = "panic-after-writes"
	panicOn          = "panic-on"
)

// maxEnds is how often an agent is started again; the faults need one.
const maxEnds = 5

// agent is an agent process that is started again when it ends, as a kubelet does.
type agent struct {
	name  string
	dir   string // through which the faults are set
	group *supervise.Group
	stop  context.CancelFunc
	kept  chan struct{}

	mu   sync.Mutex
	ends []string
}

// startAgent starts an agent for a namespace, or for all if it is empty.
func (h *house) startAgent(t *testing.T, name, namespace string, faults map[string]string) *agent {
	t.Helper()
	a := &agent{name: name, group: h.agents, dir: t.TempDir(), kept: make(chan struct{})}
	for file, content := range faults {
		a.set(t, file, content)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	a.stop = stop
	err := a.group.Run(ctx, supervise.Spec{
		Name: name,
		Path: programs().FaultyAgent,
		Args: []string{
			"--kubeconfig=" + h.kubeconfig,
			"--namespace=" + namespace,
			"--enable-leader-election=false",
			"--no-cross-namespace-refs=true",
			"--metrics-server=http://prometheus.monitoring:9090",
			"--log-level=debug",
			"--address=127.0.0.1:0",
		},
		// A proxy of the machine that the tests run on is not the cluster's.
		Env: []string{
			faultsEnv + "=" + a.dir, "GOMEMLIMIT=200MiB",
			"HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=", "https_proxy=", "ALL_PROXY=", "all_proxy=",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go a.keep(ctx)
	t.Cleanup(a.end)
	return a
}

func (a *agent) keep(ctx context.Context) {
	defer close(a.kept)
	for range maxEnds {
		state, err := a.group.Wait(ctx, a.name)
		if err != nil {
			return
		}
		a.mu.Lock()
		a.ends = append(a.ends, state.String())
		a.mu.Unlock()
		if err := a.group.Start(ctx, a.name); err != nil {
			return
		}
	}
}

// end stops the process for good. It may be called more than once.
func (a *agent) end() {
	a.stop()
	<-a.kept
	_ = a.group.Stop(a.name)
}

func (a *agent) set(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clear removes a fault.
func (a *agent) clear(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(filepath.Join(a.dir, file)); err != nil {
		t.Fatal(err)
	}
}

// killed says whether the process was killed once, and is an error if it ended in another way.
func (a *agent) killed() (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.ends) == 0:
		return false, nil
	case len(a.ends) == 1 && strings.HasPrefix(a.ends[0], "signal: "+syscall.SIGKILL.String()):
		return true, nil
	}
	return true, fmt.Errorf("the agent ended %d times (%s); the end of its log:\n%s",
		len(a.ends), strings.Join(a.ends, ", "), a.group.Tail(a.name, 20))
}

// panicked says whether the agent has logged a panic on purpose, which it survived.
func (a *agent) panicked() bool {
	log, err := os.ReadFile(a.group.LogPath(a.name))
	return err == nil && bytes.Contains(log, []byte("a fault on purpose"))
}

// writes lists the writes that were answered, in all lives of the process.
func (a *agent) writes() []string {
	content, err := os.ReadFile(filepath.Join(a.dir, "writes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return []string{err.Error()}
	}
	return strings.FieldsFunc(string(content), func(r rune) bool { return r == '\n' })
}

// write names the n-th write, from 1, by what comes after its namespace.
func (a *agent) write(n int) string {
	all := a.writes()
	if n > len(all) {
		return "not reached, there are " + strconv.Itoa(len(all))
	}
	method, path, _ := strings.Cut(all[n-1], " ")
	if _, after, ok := strings.Cut(path, "/namespaces/"); ok {
		_, path, _ = strings.Cut(after, "/")
	}
	path, status, _ := strings.Cut(path, " ")
	if status != "200" && status != "201" {
		path += " " + status
	}
	return method + " " + path
}

// pause waits, or less if the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
