//go:build linux

// Command screenshots makes the pictures of the README: it runs `kubectl canary` in a real terminal
// emulator, kitty, on a display that nobody sees, Xvfb, presses the keys of each shot and saves what
// the terminal has drawn. `make screenshots` calls it, in the directory test.
//
//	go run ./cmd/screenshots                # all shots, into docs/screenshots
//	go run ./cmd/screenshots -only 'detail' # those whose name matches
//	go run ./cmd/screenshots -list
//	go run ./cmd/screenshots -install       # first install what is missing, as root with apt-get
//
// The screens are fed by recordings of made-up releases, which the preview of package tui writes and
// which have a clock of their own; so the same program makes the same pictures. What is to be seen is
// in shots.go.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	only    *regexp.Regexp
	out     string // directory of the pictures
	scenes  string // directory of the recordings; made when empty
	plugin  string // the program; built when empty
	install bool
	list    bool
}

func readOptions(root string) (options, error) {
	var o options
	only := flag.String("only", "", "regular expression: make the shots whose name matches")
	flag.StringVar(&o.out, "out", filepath.Join(root, "docs", "screenshots"), "directory of the pictures")
	flag.StringVar(&o.scenes, "scenes", "", "directory of the recordings to be shown; made by tui/internal/preview when empty")
	flag.StringVar(&o.plugin, "plugin", "", "kubectl-canary to be seen; built from this checkout when empty")
	flag.BoolVar(&o.install, "install", false, "install what is missing with apt-get, as root")
	flag.BoolVar(&o.list, "list", false, "list the shots and make none")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: the shots are chosen with -only", flag.Arg(0))
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	return o, nil
}

func run(ctx context.Context) error {
	root, err := stage.Root()
	if err != nil {
		return err
	}
	o, err := readOptions(root)
	if err != nil {
		return err
	}
	var chosen []shot
	for _, s := range shots {
		if o.only.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-only %s: no shot has such a name, -list shows them", o.only)
	}
	if o.list {
		for _, s := range chosen {
			fmt.Printf("%-16s %3dx%-3d %-5s %s\n", s.name, s.columns, s.rows, s.paper, s.about)
		}
		return nil
	}
	if err := tools(ctx, o.install); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "screenshots-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.plugin == "" {
		o.plugin = filepath.Join(dir, "kubectl-canary")
		if err := goRun(ctx, root, "build", "-o", o.plugin, "./cmd/kubectl-canary"); err != nil {
			return err
		}
	}
	if o.scenes == "" {
		o.scenes = filepath.Join(dir, "scenes")
		if err := goRun(ctx, root, "run", "./tui/internal/preview", "-recordings", o.scenes); err != nil {
			return err
		}
	}
	return makeAll(ctx, o, dir, chosen)
}

// goRun runs the go command in the product's module.
func goRun(ctx context.Context, root string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// makeAll makes the pictures one after the other; one that fails does not stop the others.
func makeAll(ctx context.Context, o options, dir string, chosen []shot) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil { //nolint:gosec // Pictures are for everybody.
		return err
	}
	group := supervise.NewGroup(dir, slog.New(slog.DiscardHandler))
	defer group.StopAll()
	d, err := openDisplay(ctx, group, dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range chosen {
		if ctx.Err() != nil {
			return context.Canceled
		}
		picture, err := take(ctx, d, o, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
			continue
		}
		path := filepath.Join(o.out, s.name+".png")
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, picture) {
			fmt.Printf("%-16s %4d KB  as before\n", s.name, (len(picture)+1023)/1024)
			continue
		}
		if err := os.WriteFile(path, picture, 0o644); err != nil { //nolint:gosec // Pictures are for everybody.
			return err
		}
		fmt.Printf("%-16s %4d KB  %s\n", s.name, (len(picture)+1023)/1024, path)
		if len(picture) > maxBytes {
			failed = append(failed, fmt.Errorf("%s: %d KB, a picture may have %d", s.name, len(picture)/1024, maxBytes/1024))
		}
	}
	return errors.Join(failed...)
}

// maxBytes bounds a picture, so that a README stays quick to load.
const maxBytes = 150 << 10
