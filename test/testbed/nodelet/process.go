package nodelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// launcher starts all processes from one thread that lives as long as the node.
// The kernel sends a process its death signal when the thread that started it
// ends, not the whole parent; a Go program may end threads at any time.
type launcher struct {
	jobs chan func()
	done <-chan struct{}
}

// newLauncher returns a launcher that works until done closes, which must not be
// before all processes have ended.
func newLauncher(done <-chan struct{}) *launcher {
	l := &launcher{jobs: make(chan func()), done: done}
	go func() {
		runtime.LockOSThread()
		for {
			select {
			case job := <-l.jobs:
				job()
			case <-done:
				runtime.UnlockOSThread()
				return
			}
		}
	}()
	return l
}

// process is a started program.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	exited  chan struct{} // closed once code is set and the log is complete
	code    int
	signal  syscall.Signal // what killed it, 0 if it ended by itself
	ended   time.Time
}

// start runs a program by way of PodInit. It returns when the program has taken
// over, or with what kept it from doing so.
func (l *launcher) start(specFile string, spec initSpec, stdout, stderr io.Writer) (*process, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(specFile, data, 0o600); err != nil {
		return nil, fmt.Errorf("write what to start: %w", err)
	}
	report, reportEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = report.Close() }()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{initEnv + "=" + specFile, "GOMAXPROCS=1"}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.ExtraFiles = []*os.File{reportEnd} // becomes reportFD
	cmd.WaitDelay = 200 * time.Millisecond // a child may hold the pipes open
	cmd.SysProcAttr = processAttributes(spec.Join == 0)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	result := make(chan error, 1)
	select {
	case l.jobs <- func() { result <- cmd.Start() }:
		err = <-result
	case <-l.done:
		err = errors.New("the node has stopped")
	}
	_ = reportEnd.Close()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	p.started = time.Now()
	go p.wait()
	msg, _ := io.ReadAll(report)
	_ = os.Remove(specFile)
	if len(msg) > 0 {
		<-p.exited
		return nil, errors.New(strings.TrimSpace(string(msg)))
	}
	return p, nil
}

func (p *process) wait() {
	_ = p.cmd.Wait()
	p.ended = time.Now()
	// What the program left behind in its group goes with it.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	for _, w := range []io.Writer{p.cmd.Stdout, p.cmd.Stderr} {
		if lw, ok := w.(*lineWriter); ok {
			lw.flush()
		}
	}
	if st, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		p.signal = st.Signal()
		p.code = 128 + int(p.signal)
	} else {
		p.code = p.cmd.ProcessState.ExitCode()
	}
	close(p.exited)
}

// kill signals the program itself; SIGKILL goes to its whole group.
func (p *process) kill(sig syscall.Signal) error {
	select {
	case <-p.exited:
		return errors.New("the process has already ended")
	default:
	}
	if sig == syscall.SIGKILL {
		return syscall.Kill(-p.cmd.Process.Pid, sig)
	}
	return p.cmd.Process.Signal(sig)
}
