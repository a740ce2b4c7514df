package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is how large a file may be, in bytes.
const maxFile = 10 << 20

// file is one that is to be checked.
type file struct {
	// name as it is printed.
	name string
	// dir tells which objects belong together.
	dir string
	// named is true when it was given on the command line.
	named bool
	data  []byte
}

// Skipped is a file that was not checked.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// collector finds the files.
type collector struct {
	stdin   io.Reader
	files   []file
	skipped []Skipped
	// problems are files that cannot be read.
	problems []Finding
	seen     map[string]bool
}

// add reads what an argument names. The error is one of usage: there is nothing there to be checked.
func (c *collector) add(arg string) error {
	if arg == "-" {
		data, err := io.ReadAll(io.LimitReader(c.stdin, maxFile+1))
		if err != nil {
			return fmt.Errorf("cannot read standard input: %w", err)
		}
		c.take(file{name: "stdin", named: true, data: data})
		return nil
	}
	info, err := os.Stat(arg)
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", arg, cause(err))
	}
	if !info.IsDir() {
		c.read(arg, true)
		return nil
	}
	before := len(c.files) + len(c.skipped) + len(c.problems)
	if err := c.walk(arg); err != nil {
		return err
	}
	if len(c.files)+len(c.skipped)+len(c.problems) == before {
		return fmt.Errorf("cannot check %s: the directory has no file that ends in .yaml, .yml or .json", arg)
	}
	return nil
}

// walk reads a directory and those below it. Links to directories are not followed, so no loop can
// trap it; links to files are.
func (c *collector) walk(root string) error {
	start := root
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		start = resolved
	}
	patches := map[string]bool{}
	var names []string
	err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == start {
				return fmt.Errorf("cannot check %s: %w", root, cause(err))
			}
			c.problems = append(c.problems, unreadable(shown(root, start, path), err))
			return nil
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && path != start {
				return filepath.SkipDir
			}
			return nil
		}
		if isKustomization(d.Name()) {
			patchesOf(path, patches)
			return nil
		}
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))) {
			return nil
		}
		if reason := notManifest(d.Name()); reason != "" {
			c.skipped = append(c.skipped, Skipped{shown(root, start, path), reason})
			return nil
		}
		names = append(names, path)
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range names {
		name := shown(root, start, path)
		if patches[path] {
			c.skipped = append(c.skipped, Skipped{name, "is a patch of a kustomization"})
			continue
		}
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			continue
		}
		c.read(name, false)
	}
	return nil
}

// shown is a path below the directory as the user named it.
func shown(root, start, path string) string {
	if rest, err := filepath.Rel(start, path); err == nil {
		return filepath.Join(root, rest)
	}
	return path
}

func (c *collector) read(name string, named bool) {
	path := filepath.Clean(name)
	if c.seen[path] {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[path] = true
	data, err := contents(path)
	if err != nil {
		c.problems = append(c.problems, unreadable(path, err))
		return
	}
	c.take(file{name: path, dir: filepath.Dir(path), named: named, data: data})
}

// take keeps a file, unless it cannot be a manifest.
func (c *collector) take(f file) {
	reason := ""
	switch {
	case len(f.data) > maxFile:
		reason = fmt.Sprintf("is larger than %d MB", maxFile>>20)
	case bytes.IndexByte(f.data, 0) >= 0:
		reason = "is not text"
	}
	switch {
	case reason == "":
		c.files = append(c.files, f)
	case f.named:
		c.problems = append(c.problems, unreadable(f.name, errors.New(reason)))
	default:
		c.skipped = append(c.skipped, Skipped{f.name, reason})
	}
}

func contents(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // It is what the user asked to be read.
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func unreadable(name string, err error) Finding {
	return Finding{File: name, Severity: Error, Rule: ruleUnreadable, Message: "cannot be read: " + cause(err).Error()}
}

// cause leaves out what the message says already: the operation and the path.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func isKustomization(name string) bool {
	return name == "kustomization.yaml" || name == "kustomization.yml" || name == "Kustomization"
}

// notManifest says why a file of a directory is none, going by its name.
func notManifest(name string) string {
	base := strings.TrimSuffix(strings.ToLower(name), filepath.Ext(name))
	switch {
	case base == "values" || strings.HasPrefix(base, "values-") || strings.HasPrefix(base, "values.") || strings.HasSuffix(base, ".values"):
		return "has the values of a chart"
	case name == "Chart.yaml":
		return "describes a chart"
	}
	return ""
}

// patchesOf adds the files that a kustomization uses as patches: they are parts of objects, which lack
// what the whole has.
func patchesOf(path string, patches map[string]bool) {
	data, err := contents(path)
	if err != nil {
		return
	}
	for _, d := range split(data) {
		v, _, err := d.parse()
		if err != nil || v == nil {
			continue
		}
		for _, key := range []string{"patches", "patchesJson6902"} {
			for _, p := range v.list(key) {
				patches[filepath.Join(filepath.Dir(path), p.text("path"))] = true
			}
		}
		for _, p := range v.list("patchesStrategicMerge") {
			if s, ok := p.scalar.(string); ok && !strings.Contains(s, "\n") {
				patches[filepath.Join(filepath.Dir(path), s)] = true
			}
		}
	}
}
