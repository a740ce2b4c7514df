package isolate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// runDir is a directory of one run. A lock that the kernel drops when the outer
// process dies says whether the run is still going on.
type runDir struct {
	path string
	lock *os.File
}

// RunBase is the directory that holds the run directories of this user. A run
// started by a process of another run lives in that one's directory: inside, user
// ids do not say who we are.
func RunBase() string {
	if parent := os.Getenv(RunEnv); parent != "" {
		return filepath.Join(parent, "nested")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("kubectl-canary-testbed-%d", os.Geteuid()))
}

// newRunDir makes a run directory, and removes those of runs that were killed.
func newRunDir() (*runDir, error) {
	base := RunBase()
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, err
	}
	// Between making a directory and locking it, it looks abandoned: the lock on
	// the base keeps another start from removing it just then.
	baseLock, err := lockFile(filepath.Join(base, "lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer baseLock.Close()

	entries, err := os.ReadDir(base)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "run-") {
			continue
		}
		old := filepath.Join(base, e.Name())
		if l, err := lockFile(filepath.Join(old, "lock"), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			(&runDir{old, l}).remove()
		}
	}

	path, err := os.MkdirTemp(base, "run-")
	if err != nil {
		return nil, err
	}
	l, err := lockFile(filepath.Join(path, "lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return &runDir{path, l}, nil
}

func (d *runDir) remove() {
	if err := os.RemoveAll(d.path); err != nil {
		fmt.Fprintf(os.Stderr, "testbed: remove the run directory: %v\n", err)
	}
	d.lock.Close()
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
