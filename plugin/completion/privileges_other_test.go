//go:build !linux

package completion

import (
	"os"
	"testing"
)

// withoutPrivileges cannot take anybody's privileges away here.
func withoutPrivileges(t *testing.T, _ string) {
	t.Helper()
	const why = "NOT TESTED: on this system nobody can be kept from writing to a folder"
	if os.Getenv("TESTBED_REQUIRED") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
