package isolate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter makes sure that the program runs inside its own namespaces. It must be
// called before the program starts goroutines or opens files it wants to keep.
//
// In the inner process it returns the session. In the outer process it does not
// return: it becomes a bystander that forwards signals and exits with the inner
// process's code. It returns an error, wrapping ErrRefused, in the outer process
// if no kind of namespace is allowed here; the program then still runs outside.
func Enter(o Options) (*Session, error) {
	switch os.Getenv(stageEnv) {
	case stageInit:
		runInit() // never returns
	case stageInside:
		return sessionFromEnv()
	}

	dir, err := newRunDir()
	if err != nil {
		return nil, err
	}
	names, files, err := openListeners(o.Listen)
	if err != nil {
		dir.remove()
		return nil, err
	}

	var refused []string
	for _, kind := range kinds() {
		code, err := runInside(kind, dir, names, files, o.Before)
		if err == nil {
			dir.remove()
			os.Exit(code)
		}
		if before, ok := errors.AsType[beforeError](err); ok {
			dir.remove()
			return nil, before.error
		}
		refused = append(refused, fmt.Sprintf("%s: %v", kind.name, err))
	}
	for _, f := range files {
		f.Close()
	}
	dir.remove()
	return nil, fmt.Errorf("%w: %s", ErrRefused, strings.Join(refused, "; "))
}

// kind is one way of making namespaces.
type kind struct {
	name       string
	flags      uintptr
	uids, gids []syscall.SysProcIDMap
}

// kinds lists the ways in the order of preference. Root gets its whole id range
// mapped, because a root that is mapped alone may not read other users' files,
// which breaks work in a checkout owned by somebody else.
func kinds() []kind {
	const plain = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	one := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	alone := kind{"user namespace", plain | syscall.CLONE_NEWUSER, one(os.Geteuid()), one(os.Getegid())}
	if os.Geteuid() != 0 {
		return []kind{alone}
	}
	whole := kind{"user namespace with all ids", plain | syscall.CLONE_NEWUSER, idRange("uid"), idRange("gid")}
	return []kind{whole, alone, {name: "root without user namespace", flags: plain}}
}

// idRange maps every id that this process's own user namespace has to itself.
func idRange(which string) []syscall.SysProcIDMap {
	f, err := os.Open("/proc/self/" + which + "_map")
	if err != nil {
		return nil
	}
	defer f.Close()
	var ids []syscall.SysProcIDMap
	var inside, outside, size int
	for {
		if n, err := fmt.Fscan(f, &inside, &outside, &size); n < 3 || err != nil {
			return ids
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: size})
	}
}

// openListeners opens the requested listeners and returns them as files in a
// fixed order, to be inherited.
func openListeners(want map[string]string) (names []string, files []*os.File, err error) {
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		addr := want[name]
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("listen on %s for %q: %w", addr, name, err)
		}
		f, err := l.(*net.TCPListener).File()
		l.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("keep the listener %s for %q: %w", addr, name, err)
		}
		files = append(files, f)
	}
	return names, files, nil
}

// setupReport is the only message from init to the outer process.
type setupReport struct {
	Error string `json:"error,omitempty"`
}

// beforeError is an error of Options.Before, which trying another kind of
// namespace would not help.
type beforeError struct{ error }

// runInside runs the program once in the given kind of namespace. The error is
// non-nil only if the program did not get to run; the exit code is the program's.
func runInside(k kind, dir *runDir, names []string, listeners []*os.File, before func() error) (code int, err error) {
	// The parent-death signal fires when the thread that forked ends, not the
	// process: this goroutine keeps its thread until the child is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	control, theirs, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer control.Close()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append([]*os.File{theirs}, listeners...)
	cmd.Env = append(os.Environ(),
		stageEnv+"="+stageInit,
		RunEnv+"="+dir.path,
		listenersEnv+"="+strings.Join(names, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  k.flags,
		UidMappings: k.uids,
		GidMappings: k.gids,
		Pdeathsig:   syscall.SIGKILL,
	}
	cmd.SysProcAttr.GidMappingsEnableSetgroups = os.Geteuid() == 0

	// Signals that arrive from now on belong to the inner process.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 0, err
	}
	var report setupReport
	if err := json.NewDecoder(bufio.NewReader(control)).Decode(&report); err != nil {
		report.Error = fmt.Sprintf("init ended before it reported: %v", err)
	}
	if report.Error != "" {
		cmd.Process.Kill()
		cmd.Wait()
		return 0, errors.New(report.Error)
	}
	// Only now, because it may take minutes, which are wasted if namespaces are
	// not allowed. Init waits for the byte.
	if before != nil {
		if err := before(); err != nil {
			cmd.Process.Kill()
			cmd.Wait()
			return 0, beforeError{err}
		}
	}
	control.Write([]byte{0})

	go func() {
		for s := range signals {
			if !fromTerminal(s) {
				control.Write([]byte{byte(s.(syscall.Signal))})
			}
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(os.Stderr, "testbed: wait for the process inside the namespace: %v\n", err)
		return 1, nil
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// fromTerminal reports whether s was most likely typed at our terminal. All
// three processes share one process group, so a typed Ctrl-C has already reached
// the inner process, and forwarding it would deliver it twice.
func fromTerminal(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

// socketPair returns the two ends of the control channel between outer and init.
// Its end of file tells init that the outer process is gone.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the control socket: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control of init"), nil
}
