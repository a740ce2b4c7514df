//go:build linux

package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
)

// outside starts a cluster as a program of its own, in namespaces inside ours.
// For it, this test is the world outside.
func outside(t *testing.T) (*exec.Cmd, started) {
	t.Helper()
	if refused != nil {
		t.Skip(refused)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+roleCluster)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var s started
	if err := json.NewDecoder(stdout).Decode(&s); err != nil {
		cmd.Wait()
		t.Fatalf("the cluster did not start: %v\n%s", err, &stderr)
	}
	go io.Copy(io.Discard, stdout)
	return cmd, s
}

func TestReachableFromOutside(t *testing.T) {
	_, s := outside(t)
	config, err := clientcmd.BuildConfigFromFlags("", s.HostKubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(config.Host, "https://127.0.0.1:") {
		t.Errorf("the kubeconfig for outside points to %s", config.Host)
	}
	version, err := kubernetes.NewForConfigOrDie(config).Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion != "v1.36.3" {
		t.Errorf("the API server calls itself %s", version.GitVersion)
	}
}

func TestNothingLeftAfterKill9(t *testing.T) {
	cmd, s := outside(t)
	runDir := filepath.Dir(s.Dir)
	if n := len(processesOf(t, runDir)); n < 5 { // init, inner, etcd, API server, controllers
		t.Fatalf("only %d processes carry the mark of the run; the test would prove nothing", n)
	}
	cmd.Process.Kill()
	cmd.Wait()
	// The kernel kills a pid namespace at once, but not atomically with the
	// process we waited for.
	eventually(t, 10*time.Second, func() error {
		if left := processesOf(t, runDir); len(left) > 0 {
			return fmt.Errorf("left after kill -9: %v", left)
		}
		return nil
	})
	if _, err := os.Stat(runDir); err != nil {
		t.Fatalf("nobody was left to remove %s, but: %v", runDir, err)
	}
	again, _ := outside(t)
	if _, err := os.Stat(runDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next start did not remove the directory of the killed run: %v", err)
	}

	again.Process.Signal(syscall.SIGTERM)
	again.Wait()
	if code := again.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code after TERM is %d, the inner process died of signal 15", code)
	}
	if dirs, _ := filepath.Glob(filepath.Join(isolate.RunBase(), "run-*")); len(dirs) > 0 {
		t.Errorf("directories left after TERM: %v", dirs)
	}
}

// TestOrphansAreReaped leaves a process behind whose parent is gone. Process 1
// has to collect it, or fault tests would fill the table with zombies.
func TestOrphansAreReaped(t *testing.T) {
	if session == nil {
		t.Skip(refused)
	}
	out, err := exec.Command("/bin/sh", "-c", "sleep 0.05 >/dev/null & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH { // a zombie still answers
			return fmt.Errorf("the orphan %d is still there: %w", pid, err)
		}
		return nil
	})
}

// processesOf lists processes that have the run's directory in their environment.
func processesOf(t *testing.T, runDir string) []string {
	t.Helper()
	mark := []byte(isolate.RunEnv + "=" + runDir + "\x00")
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && bytes.Contains(env, mark) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "comm"))
			found = append(found, filepath.Base(filepath.Dir(f))+" "+strings.TrimSpace(string(name)))
		}
	}
	return found
}

func TestProcessesStopAndStartByName(t *testing.T) {
	c := Shared(t)
	ns := c.Namespace(t)
	ctx := t.Context()
	for _, name := range []string{binaries.APIServer, binaries.Etcd} {
		pid := c.Processes.Pid(name)
		if err := c.Processes.Kill9(name); err != nil {
			t.Fatal(err)
		}
		if c.Processes.Pid(name) != 0 {
			t.Errorf("%s still runs after Kill9", name)
		}
		if err := c.Processes.Start(ctx, name); err != nil {
			t.Fatal(err)
		}
		if err := c.Restart(ctx, name, 0); err != nil {
			t.Fatal(err)
		}
		if now := c.Processes.Pid(name); now == pid || now == 0 {
			t.Errorf("%s: process id before %d, after %d", name, pid, now)
		}
	}
	eventually(t, 20*time.Second, func() error {
		_, err := c.Client().CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		return err
	})
	if err := c.Err(); err != nil {
		t.Errorf("a requested kill counts as a failure: %v", err)
	}
}

func TestDump(t *testing.T) {
	c := Shared(t)
	dir := t.TempDir()
	if err := c.Dump(dir); err != nil {
		t.Error(err)
	}
	for _, f := range []string{"logs/kube-apiserver.log", "objects/namespaces.yaml", "objects/gateways.gateway.networking.k8s.io.yaml", "traefik.json"} {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Size() == 0 {
			t.Errorf("dump has no %s: %v", f, err)
		}
	}
}

// eventually polls until check agrees.
func eventually(t *testing.T, within time.Duration, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %v", within, err)
		case <-tick.C:
		}
	}
}
