package completion

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// withoutPrivileges makes the rest of a test run by somebody who may not write everywhere, also where
// root runs the tests. The folders above dir are opened for them. No test of this package is parallel.
func withoutPrivileges(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for above := dir; above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil { //nolint:gosec // a folder of the test
			t.Fatal(err)
		}
	}
	const nobody = 65534
	if err := syscall.Seteuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Seteuid(0); err != nil {
			panic(err) // Nothing that comes after could be cleaned up.
		}
	})
}
