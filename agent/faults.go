//go:build faults

package agent

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// This file is part of builds with the tag faults only, which the tests in test/faults use: what
// is shipped has none of it. It makes the agent die or panic at a write of choice.

// faultsEnv names the directory through which a test and the agent speak:
//
//	die-after-writes    a number n: the process kills itself with signal 9 once the n-th write has
//	                    been answered. The file is removed first, so that it happens once.
//	panic-after-writes  the same with a panic of the goroutine that made the write.
//	panic-on            namespace/name of a Canary: every write of its status panics, until the
//	                    file is removed.
//	writes              is written by the agent: a line for each write that was answered.
//
// Writes are requests that change something, without those for leases, events and reviews of access.
const faultsEnv = "CANARY_AGENT_FAULTS"

func init() {
	if dir := os.Getenv(faultsEnv); dir != "" {
		f := &faults{dir: dir}
		wrapTransport = func(next http.RoundTripper) http.RoundTripper { return &faultyTransport{next, f} }
	}
}

// faults counts the writes of this process.
type faults struct {
	dir string

	mu     sync.Mutex
	writes int
}

type faultyTransport struct {
	next   http.RoundTripper
	faults *faults
}

func (t *faultyTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isWrite(req) {
		return t.next.RoundTrip(req)
	}
	t.faults.before(req)
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		t.faults.answered(req, resp.StatusCode)
	}
	return resp, err
}

func isWrite(req *http.Request) bool {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return false
	}
	for _, part := range []string{"/leases", "/events", "/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/"} {
		if strings.Contains(req.URL.Path, part) {
			return false
		}
	}
	return true
}

// before panics at writes of the status of the canary in panic-on.
func (f *faults) before(req *http.Request) {
	namespace, name, ok := strings.Cut(f.read("panic-on"), "/")
	if ok && strings.HasSuffix(req.URL.Path, "/namespaces/"+namespace+"/canaries/"+name+"/status") {
		panic("a fault on purpose at " + req.URL.Path)
	}
}

// answered counts a write, and dies or panics if it is the one.
func (f *faults) answered(req *http.Request, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	line := fmt.Sprintf("%s %s %d\n", req.Method, req.URL.Path, status)
	ledger, err := os.OpenFile(filepath.Join(f.dir, "writes"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = ledger.WriteString(line)
		ledger.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("note a write in %s: %v", f.dir, err))
	}
	if f.due("die-after-writes") {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // Not an instruction more.
	}
	if f.due("panic-after-writes") {
		panic("a fault on purpose after " + line)
	}
}

// due says whether the number in the file has been reached, once.
func (f *faults) due(file string) bool {
	n, err := strconv.Atoi(f.read(file))
	return err == nil && f.writes >= n && os.Remove(filepath.Join(f.dir, file)) == nil
}

func (f *faults) read(file string) string {
	content, err := os.ReadFile(filepath.Join(f.dir, file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}
