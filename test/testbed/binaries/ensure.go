//go:build unix

package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Set is the result of Ensure.
type Set struct {
	dirs map[string]string // program → directory
}

// Path returns the file of a program, or "" if it was not asked for.
func (s Set) Path(name string) string {
	if s.dirs[name] == "" {
		return ""
	}
	return filepath.Join(s.dirs[name], name)
}

// CRDs returns the CRD manifests that belong to a program.
func (s Set) CRDs(name string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(s.dirs[name], "crds", "*.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no CRD manifests; delete that directory to build it again", s.dirs[name])
	}
	return files, err
}

// Ensure returns the named programs and builds those that are not in the cache.
// Progress goes to w. Two processes that need the same program build it once.
func Ensure(ctx context.Context, w io.Writer, names ...string) (Set, error) {
	set := Set{dirs: map[string]string{}}
	wanted, err := find(names)
	if err != nil {
		return set, err
	}
	src, err := sourceDir()
	if err != nil {
		return set, err
	}
	cache, err := cacheDir()
	if err != nil {
		return set, err
	}
	for i, t := range wanted {
		hash, err := t.hash(src)
		if err != nil {
			return set, err
		}
		dir := filepath.Join(cache, t.name+"-"+hash)
		set.dirs[t.name] = dir
		if !present(dir, t.name) {
			position := fmt.Sprintf("%d of %d", i+1, len(wanted))
			if err := buildLocked(ctx, w, t, filepath.Join(src, t.module), dir, position); err != nil {
				return set, err
			}
			evict(cache, t.name)
		}
		now := time.Now()
		os.Chtimes(dir, now, now) // evict keeps what was used last
	}
	return set, nil
}

// cacheDir is where built programs live, shared by all checkouts of one user.
func cacheDir() (string, error) {
	base := os.Getenv("KUBECTL_CANARY_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache directory: %w; set KUBECTL_CANARY_CACHE", err)
		}
		base = user
	}
	dir := filepath.Join(base, "kubectl-canary", "testbed")
	return dir, os.MkdirAll(dir, 0o755)
}

func present(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// hash covers everything that determines the program: the files of its module,
// the Go version, the platform and the build flags.
func (t tool) hash(src string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, t.pkg, t.version, t.flags(), t.crds)
	root := filepath.Join(src, t.module)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintf(h, "%s %d\n%s", rel, len(text), text)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the module of %s: %w", t.name, err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// buildLocked builds t into dir while holding the lock of its module: programs
// of one module share most of their packages, so building them one after the
// other is also the fastest.
func buildLocked(ctx context.Context, w io.Writer, t tool, module, dir, position string) error {
	lock, err := os.OpenFile(filepath.Join(filepath.Dir(dir), t.module+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		fmt.Fprintf(w, "testbed: waiting for another process that builds %s\n", t.name)
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			return fmt.Errorf("wait for the lock %s: %w", lock.Name(), err)
		}
	}
	if present(dir, t.name) {
		return nil // the other process built it
	}
	return t.build(ctx, w, module, dir, position)
}

// evict removes all but the two versions of a program that were used last; two,
// so that going back and forth between branches does not build each time.
func evict(cache, name string) {
	dirs, _ := filepath.Glob(filepath.Join(cache, name+"-????????????????"))
	used := func(dir string) time.Time {
		info, err := os.Stat(dir)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(dirs, func(a, b string) int { return used(b).Compare(used(a)) })
	for _, dir := range dirs[min(2, len(dirs)):] {
		if strings.HasPrefix(dir, cache) {
			os.RemoveAll(dir)
		}
	}
}
