//go:build linux

package supervise

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is one named process through all its lives.
type process struct {
	spec    Spec
	logPath string

	mu       sync.Mutex
	cmd      *exec.Cmd
	done     chan struct{} // closed when cmd has been waited for
	stopping bool          // its end was asked for
}

// readyPoll is the pause between two questions whether a process is ready. It is
// short because it is a lower bound of every start.
const readyPoll = 20 * time.Millisecond

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && !closed(p.done) {
		return fmt.Errorf("start %s: it is running as process %d", p.spec.Name, p.cmd.Process.Pid)
	}
	logFile, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	defer logFile.Close()

	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Env = append(os.Environ(), p.spec.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := forkFromLastingThread(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done, p.stopping = cmd, done, false
	go func() {
		cmd.Wait()
		close(done)
	}()
	return nil
}

// waitReady polls Ready until it agrees, the process ends, or ctx ends.
func (p *process) waitReady(ctx context.Context) error {
	if p.spec.Ready == nil {
		return nil
	}
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := p.spec.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%s) before it was ready; the end of %s:\n%s",
				p.spec.Name, p.cmd.ProcessState, p.logPath, tail(p.logPath, 20))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%w) and time is up: %w; the end of %s:\n%s",
				p.spec.Name, err, context.Cause(ctx), p.logPath, tail(p.logPath, 20))
		case <-tick.C:
		}
	}
}

func (p *process) stop() {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.stopping = true
	p.mu.Unlock()
	if cmd == nil || closed(done) {
		return
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Process.Signal(syscall.SIGCONT) // a stopped process would not see TERM
	timer := time.NewTimer(p.spec.StopGrace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	// The group, not the process: helpers it started must not outlive it.
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-done
}

func (p *process) kill() {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.stopping = true
	p.mu.Unlock()
	if cmd == nil || closed(done) {
		return
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-done
}

func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || closed(p.done) {
		return fmt.Errorf("send %s to %s: it is not running", s, p.spec.Name)
	}
	return p.cmd.Process.Signal(s)
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || closed(p.done) {
		return 0
	}
	return p.cmd.Process.Pid
}

func (p *process) wait(ctx context.Context) (*os.ProcessState, error) {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	if cmd == nil {
		return nil, fmt.Errorf("wait for the end of %s: it was never started", p.spec.Name)
	}
	select {
	case <-done:
		return cmd.ProcessState, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the end of %s: %w", p.spec.Name, context.Cause(ctx))
	}
}

func (p *process) unexpectedExit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.stopping || !closed(p.done) {
		return nil
	}
	return fmt.Errorf("%s ended by itself (%s); the end of %s:\n%s",
		p.spec.Name, p.cmd.ProcessState, p.logPath, tail(p.logPath, 20))
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// forks carries commands to a goroutine that never gives up its thread. The
// kernel sends the parent-death signal when the forking thread ends, and Go ends
// threads as it likes.
var forks = sync.OnceValue(func() chan<- func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})

func forkFromLastingThread(cmd *exec.Cmd) error {
	result := make(chan error)
	forks() <- func() { result <- cmd.Start() }
	return <-result
}

// tail returns the last lines of a file, or says why it cannot.
func tail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	all := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}
