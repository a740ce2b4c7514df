//go:build linux

// Command demo shows what the project is for: it starts a test cluster, installs the product,
// puts an application under load and releases its next version, while `kubectl canary watch`
// shows how that goes. `make demo` runs it.
//
// The environment says what is shown:
//
//	HEADLESS=1  print a line per change instead of opening a screen, until the release has ended;
//	            so it is anyway where standard input or output is no terminal
//	BAD=1       release a version that answers every request with an error
//
// The exit code is 0 when a screen was left with its key. Without a screen it is 0 only if the
// release ended as it has to (the new version Succeeded, or, with BAD=1, it was rolled back and the
// canary is Failed) and no request failed but those that the bad version failed on purpose.
// Anything else is 1, and 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// exitInterrupted is the exit code after Ctrl-C, as shells have it.
const exitInterrupted = 128 + int(syscall.SIGINT)

func main() {
	nodelet.PodInit() // Pods are processes of this executable, too.
	switch err := run(); {
	case err == nil:
	case errors.Is(err, context.Canceled):
		os.Exit(exitInterrupted)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the demo in both of its lives: outside it builds what needs the network and then becomes a
// bystander, inside the namespaces of the test cluster it is the demo proper.
func run() error {
	o, err := readOptions()
	if err != nil {
		return err
	}
	root, err := stage.Root()
	if err != nil {
		return err
	}
	programs := stage.In(filepath.Join(root, "bin"))
	if os.Getenv(isolate.RunEnv) == "" {
		if err := build(programs); err != nil {
			return err
		}
	}
	if err := testbed.Reexec(testbed.Options{Programs: programs.Images()}); errors.Is(err, isolate.ErrRefused) {
		return fmt.Errorf("%w; run it as root, or allow user namespaces to everybody "+
			"(sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)", err)
	} else if err != nil {
		return err
	}

	ctx, stop := interruptible()
	defer stop()
	// Ctrl-Z stops the screen and gives the shell back. The cluster lives in this process and
	// goes on, so that the shell has something to look at; fg brings the screen back.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTSTP)
	return play(ctx, o, programs)
}

func build(programs stage.Programs) error {
	ctx, stop := interruptible()
	defer stop()
	return step(ctx, "build the programs", programs.Build)
}

// interruptible is a context that ends with the first signal. The second one ends the process at
// once, whatever it waits for; the kernel then ends what it started.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// options say what is shown, and how.
type options struct {
	screen bool // open a screen rather than print lines
	bad    bool // release a version that fails
}

func readOptions() (options, error) {
	headless, err := boolFromEnv("HEADLESS")
	if err != nil {
		return options{}, err
	}
	bad, err := boolFromEnv("BAD")
	return options{
		screen: !headless && isTerminal(os.Stdin) && isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb",
		bad:    bad,
	}, err
}

func boolFromEnv(name string) (bool, error) {
	value := os.Getenv(name)
	if value == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%s=%s: want 1 or 0", name, value)
	}
	return b, nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
