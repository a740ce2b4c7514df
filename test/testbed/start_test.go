//go:build linux

package testbed

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
)

func TestStartsAndStops(t *testing.T) {
	c := Shared(t)
	if err := c.Err(); err != nil {
		t.Error(err)
	}
	for _, name := range binaries.Servers() {
		if c.Processes.Pid(name) == 0 {
			t.Errorf("%s does not run", name)
		}
	}
	text, err := os.ReadFile(filepath.Join(c.Dir, "logs", "testbed.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("what starting took:\n%s", text)

	// One process, one cluster after the other: the tests after this one get
	// a new cluster on the same addresses.
	begin := time.Now()
	dir := c.Dir
	c.Stop()
	t.Logf("stopped after %s", time.Since(begin).Round(time.Millisecond))
	for _, name := range binaries.Servers() {
		if pid := c.Processes.Pid(name); pid != 0 {
			t.Errorf("%s still runs as process %d", name, pid)
		}
	}
	if left := processesOf(t, filepath.Dir(dir)); len(left) > 2 { // init and we
		t.Errorf("processes left after Stop: %v", left)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("directory left after Stop: %v", err)
	}
	if shared.cluster, err = Start(t.Context(), shared.options); err != nil {
		t.Fatal(err)
	}
	Shared(t)
}
