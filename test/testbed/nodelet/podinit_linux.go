package nodelet

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stagingDir is on the private /run and holds what mirrored directories were.
const stagingDir = "/run/.nodelet"

// PodInit turns the current process into a container of a pod if the nodelet
// started it for that, and returns at once if not. It must be the first call of
// main or TestMain of every binary that uses a Nodelet.
func PodInit() {
	file := os.Getenv(initEnv)
	if file == "" {
		return
	}
	// Namespaces belong to threads; the thread that enters them must be the one
	// that executes the program.
	runtime.LockOSThread()
	unix.CloseOnExec(reportFD)
	err := runInit(file)
	// Only reached when the program was not executed.
	_, _ = fmt.Fprint(os.NewFile(reportFD, "report"), err)
	os.Exit(127)
}

func runInit(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read what to start: %w", err)
	}
	var spec initSpec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("read what to start from %s: %w", file, err)
	}
	// Opened before anything is mounted: a path may be hidden afterwards.
	program, err := unix.Open(spec.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("exec %s: %w", spec.Path, err)
	}
	if spec.Join != 0 {
		if err := joinNamespaces(spec.Join); err != nil {
			return err
		}
	} else if err := prepare(&spec); err != nil {
		return err
	}
	path := spec.Path
	if !sameFile(path, program) {
		path = fmt.Sprintf("/proc/self/fd/%d", program)
	}
	err = unix.Exec(path, spec.Args, spec.Env)
	return fmt.Errorf("exec %s: %w", spec.Path, err)
}

// joinNamespaces enters a running container, for exec probes and hooks.
func joinNamespaces(pid int) error {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return fmt.Errorf("find the container's process %d: %w", pid, err)
	}
	// A thread may change its mount namespace only if it shares its root and
	// working directory with no other.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare file system attributes: %w", err)
	}
	for _, ns := range []struct {
		name string
		kind int
	}{{"uts", unix.CLONE_NEWUTS}, {"mnt", unix.CLONE_NEWNS}} {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, ns.name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the container's %s namespace: %w", ns.name, err)
		}
		if err := unix.Setns(fd, ns.kind); err != nil {
			return fmt.Errorf("enter the container's %s namespace: %w", ns.name, err)
		}
	}
	if err := unix.Chdir(cwd); err != nil {
		_ = unix.Chdir("/") // hidden by a mount
	}
	return nil
}

// prepare builds the pod's view of the file system.
func prepare(spec *initSpec) error {
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("set host name %q: %w", spec.Hostname, err)
	}
	if err := unix.Chdir(spec.WorkDir); err != nil {
		return fmt.Errorf("change to working directory %s: %w", spec.WorkDir, err)
	}
	// Without this the machine would see the pod's mounts.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	v := &view{}
	sources := make([]int, len(spec.Mounts))
	slices.SortStableFunc(spec.Mounts, func(a, b bindMount) int { return len(a.Target) - len(b.Target) })
	for i, m := range spec.Mounts {
		fd, err := unix.Open(m.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("mount %s: open %s: %w", m.Target, m.Source, err)
		}
		sources[i] = fd
	}
	if err := v.tmpfs("/run"); err != nil {
		return err
	}
	if err := os.MkdirAll(stagingDir, 0o755); err != nil {
		return fmt.Errorf("prepare /run: %w", err)
	}
	if _, err := os.Lstat("/var/run"); err == nil {
		if real, err := filepath.EvalSymlinks("/var/run"); err == nil && real != "/run" {
			if err := v.tmpfs(real); err != nil {
				return err
			}
		}
	}
	for i, m := range spec.Mounts {
		if err := v.bind(sources[i], m.Target); err != nil {
			return fmt.Errorf("mount volume at %s: %w", m.Target, err)
		}
	}
	return nil
}

// view is the pod's file system while it is put together.
type view struct {
	own     []uint64 // device numbers of the file systems made for this pod
	mirrors int
}

// tmpfs covers dir with an empty file system.
func (v *view) tmpfs(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a tmpfs over %s: %w", dir, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("stat %s: %w", dir, err)
	}
	v.own = append(v.own, st.Dev)
	return nil
}

func (v *view) bind(source int, target string) error {
	var st unix.Stat_t
	if err := unix.Fstat(source, &st); err != nil {
		return err
	}
	real, err := v.place(target, st.Mode&unix.S_IFMT == unix.S_IFDIR)
	if err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", source), real, "", unix.MS_BIND|unix.MS_REC, "")
}

// place makes sure that target exists, without writing to the machine's file
// systems, and returns it free of symbolic links.
func (v *view) place(target string, dir bool) (string, error) {
	real, err := filepath.EvalSymlinks(target)
	if err == nil {
		return real, nil
	}
	// A dangling link, as resolv.conf is one into the hidden /run.
	if link, err := os.Readlink(target); err == nil {
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(target), link)
		}
		return v.place(link, dir)
	}
	ancestor, missing := filepath.Dir(target), filepath.Base(target)
	for {
		if real, err = filepath.EvalSymlinks(ancestor); err == nil {
			break
		}
		missing = filepath.Join(filepath.Base(ancestor), missing)
		ancestor = filepath.Dir(ancestor)
	}
	var st unix.Stat_t
	if err := unix.Stat(real, &st); err != nil {
		return "", err
	}
	if !slices.Contains(v.own, st.Dev) {
		if !mayMirror(ancestor) {
			return "", fmt.Errorf("%s does not exist on this machine and can be made up only below /run, /var/run, /etc, /tmp and /var/lib: choose another mountPath for the test", target)
		}
		if err := v.mirror(real); err != nil {
			return "", err
		}
	}
	path := filepath.Join(real, missing)
	if dir {
		return path, os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, nil, 0o644)
}

func mayMirror(dir string) bool {
	for _, root := range []string{"/run", "/var/run", "/var/lib", "/etc", "/tmp"} {
		if dir == root || strings.HasPrefix(dir, root+"/") {
			return true
		}
	}
	return false
}

// mirror covers dir with a tmpfs whose entries are links to what dir holds, so
// that entries can be added which exist for this pod alone.
func (v *view) mirror(dir string) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer func() { _ = unix.Close(fd) }()
	lower := fmt.Sprintf("%s/%d", stagingDir, v.mirrors)
	v.mirrors++
	if err := os.Mkdir(lower, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), lower, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keep %s at %s: %w", dir, lower, err)
	}
	if err := v.tmpfs(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(lower)
	if err != nil {
		return err
	}
	for _, e := range entries {
		to := filepath.Join(lower, e.Name())
		if e.Type()&fs.ModeSymlink != 0 {
			// Copied, since a relative link means something else in lower.
			if to, err = os.Readlink(to); err != nil {
				return err
			}
		}
		if err := os.Symlink(to, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func sameFile(path string, fd int) bool {
	var a, b unix.Stat_t
	return unix.Stat(path, &a) == nil && unix.Fstat(fd, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

// processAttributes makes a process that is a leader of its own group (to be
// killed with all it starts), has no terminal, and dies with the nodelet.
func processAttributes(namespaces bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if namespaces {
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS
	}
	return attr
}
