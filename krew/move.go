package krew

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// move carries out a file operation as krew does: a path that exists is moved to exactly To (or into it,
// when To is the folder itself); anything else is a glob, whose matches go into the folder To.
func move(from, to string, op FileOperation) error {
	if clean := filepath.Clean(op.To); op.To != clean {
		return fmt.Errorf("to is %q, want %q", op.To, clean)
	}
	source := filepath.Join(from, filepath.FromSlash(op.From))
	if _, err := os.Stat(source); err == nil {
		target := filepath.Join(to, filepath.FromSlash(op.To))
		if op.To == "." {
			target = filepath.Join(to, filepath.Base(source))
		}
		return moveOne(from, to, source, target)
	}
	found, err := filepath.Glob(source)
	if err != nil {
		return fmt.Errorf("from is %q: %w", op.From, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("from is %q, but the archive has no such file", op.From)
	}
	for _, source := range found {
		target := filepath.Join(to, filepath.FromSlash(op.To), filepath.Base(source))
		if err := moveOne(from, to, source, target); err != nil {
			return err
		}
	}
	return nil
}

func moveOne(from, to, source, target string) error {
	if !within(from, source) {
		return fmt.Errorf("from leads out of the archive, to %s", source)
	}
	if !within(to, target) {
		return fmt.Errorf("to leads out of the installation folder, to %s", target)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		if err := os.RemoveAll(target); err != nil {
			return err
		}
	}
	return os.Rename(source, target)
}

// within is true for the folder itself and for what is in it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
