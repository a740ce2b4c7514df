//go:build unix

package binaries

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// progressEvery is the time between two progress lines of one build.
const progressEvery = 20 * time.Second

func (t tool) flags() []string {
	flags := []string{"-mod=readonly", "-trimpath", "-ldflags", strings.TrimSpace("-s -w " + t.ldflags)}
	if t.tags != "" {
		flags = append(flags, "-tags", t.tags)
	}
	return flags
}

// goCommand prepares a go command in the nested module. The settings of the
// caller's shell must not change what is built.
func goCommand(ctx context.Context, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// build makes the program in a scratch directory and renames it into place, so
// that a cache directory is either complete or absent.
func (t tool) build(ctx context.Context, w io.Writer, module, dir, position string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(dir), ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	os.Chmod(scratch, 0o755)

	args := append([]string{"build"}, t.flags()...)
	args = append(args, "-o", filepath.Join(scratch, t.name), t.pkg)
	cmd := goCommand(ctx, module, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output

	title := fmt.Sprintf("testbed: building %s %s (%s, first time only, about %s on 2 cores)", t.name, t.version, position, t.minutes)
	begin := time.Now()
	stop := report(w, title, begin)
	err = cmd.Run()
	stop()
	if err != nil {
		return fmt.Errorf("build %s %s in %s: %w; go %s said:\n%s", t.name, t.version, module, err, strings.Join(args, " "), lastLines(output.String(), 30))
	}
	for _, c := range t.crds {
		if err := copyCRDs(ctx, module, c, filepath.Join(scratch, "crds")); err != nil {
			return fmt.Errorf("copy the CRDs of %s: %w", t.name, err)
		}
	}
	os.RemoveAll(dir) // without the program it is a leftover
	if err := os.Rename(scratch, dir); err != nil {
		return fmt.Errorf("put %s into the cache: %w", t.name, err)
	}
	fmt.Fprintf(w, "testbed: built %s in %s\n", t.name, time.Since(begin).Round(time.Second))
	return nil
}

// report prints the title now and then until the returned function is called.
func report(w io.Writer, title string, begin time.Time) (stop func()) {
	fmt.Fprintln(w, title, "…")
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				fmt.Fprintln(w, title, "…", time.Since(begin).Round(time.Second))
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// copyCRDs copies manifests out of the module cache. Gateway API keeps an
// admission policy among its CRDs that guards upgrades; it is left out.
func copyCRDs(ctx context.Context, module string, c crdSource, to string) error {
	out, err := goCommand(ctx, module, "list", "-m", "-f", "{{.Dir}}", c.module).Output()
	if err != nil {
		return fmt.Errorf("find the module %s: %w", c.module, err)
	}
	pattern := filepath.Join(strings.TrimSpace(string(out)), filepath.FromSlash(c.glob))
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no file matches %s", pattern)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if !bytes.Contains(text, []byte("kind: CustomResourceDefinition\n")) {
			continue
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(f)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
