package isolate

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// controlFD is where init finds its end of the control socket.
const controlFD = 3

// runInit is the whole life of process 1 of the namespace.
func runInit() {
	runtime.LockOSThread() // the inner process dies with this thread
	for fd := range controlFD + 1 + listenerCount() {
		if fd >= controlFD {
			unix.CloseOnExec(fd)
		}
	}
	control := os.NewFile(controlFD, "control")

	// Notify, not Ignore: an ignored signal would stay ignored in the inner
	// process, which has to get its own Ctrl-C from the terminal.
	drop := make(chan os.Signal, 8)
	signal.Notify(drop, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)

	report := setupReport{}
	if err := prepare(os.Getenv(RunEnv)); err != nil {
		report.Error = err.Error()
	}
	json.NewEncoder(control).Encode(report)
	next := func() byte { // ends everything when the outer process is gone
		var b [1]byte
		if n, err := control.Read(b[:]); n == 0 || err != nil {
			os.Exit(128 + int(syscall.SIGKILL))
		}
		return b[0]
	}
	next() // the outer process is ready, or has gone to try something else

	inner, err := startInner()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed: start the program inside the namespace:", err)
		os.Exit(1)
	}
	go func() {
		for {
			syscall.Kill(inner, syscall.Signal(next()))
		}
	}()
	os.Exit(reapUntil(inner))
}

// reapUntil collects every orphan of the namespace until the inner process ends,
// and returns its exit code. The kernel then kills what is left when init exits.
func reapUntil(inner int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 1
		case pid == inner && status.Signaled():
			return 128 + int(status.Signal())
		case pid == inner && status.Exited():
			return status.ExitStatus()
		}
	}
}

// listenerCount is the number of listeners handed down after the control socket.
func listenerCount() int {
	names := os.Getenv(listenersEnv)
	if names == "" {
		return 0
	}
	return strings.Count(names, ",") + 1
}

// prepare sets up mounts and network.
func prepare(dir string) error {
	if err := prepareMounts(dir); err != nil {
		return err
	}
	return prepareNetwork()
}

// startInner starts the program proper. It uses syscall.ForkExec rather than
// os/exec, because reapUntil waits for the process.
func startInner() (pid int, err error) {
	files := []uintptr{0, 1, 2}
	for i := range listenerCount() {
		files = append(files, uintptr(controlFD+1+i))
	}
	os.Setenv(stageEnv, stageInside)
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: files,
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	return syscall.ForkExec("/proc/self/exe", os.Args, attr)
}

// prepareMounts gives the namespace its own process list and name server, and
// leaves the rest of the file system as it is.
func prepareMounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	// Containers that hide parts of /proc refuse a fresh one. The old one works
	// too, it only numbers processes as seen from outside.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")

	resolv := filepath.Join(dir, "resolv.conf")
	text := fmt.Sprintf("search svc.cluster.local cluster.local\nnameserver %s\noptions ndots:5 timeout:2 attempts:2\n", DNSAddr)
	if err := os.WriteFile(resolv, []byte(text), 0o644); err != nil {
		return err
	}
	if _, err := os.Stat("/etc/resolv.conf"); err != nil {
		return nil //nolint:nilerr // No mount point, and without network we must not create one on the host
	}
	if err := unix.Mount(resolv, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount a private /etc/resolv.conf: %w", err)
	}
	return nil
}

// prepareNetwork brings up loopback and makes the cluster's networks local, so
// that any address in them can be bound without configuring it first.
func prepareNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring up the loopback interface: %w", err)
	}
	for _, prefix := range []netip.Prefix{PodNetwork, ServiceNetwork} {
		route := &netlink.Route{
			LinkIndex: lo.Attrs().Index,
			Dst:       &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)},
			Type:      unix.RTN_LOCAL,
			Table:     unix.RT_TABLE_LOCAL,
			Scope:     netlink.SCOPE_HOST,
		}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("make %s local: %w", prefix, err)
		}
		// A second step, because the address is only valid once the first route
		// exists. Without it connections come from the address they go to.
		route.Src = NodeAddr.AsSlice()
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("make %s the source of connections to %s: %w", NodeAddr, prefix, err)
		}
	}
	return nil
}
