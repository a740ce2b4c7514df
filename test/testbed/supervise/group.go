//go:build linux

package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Spec describes one process.
type Spec struct {
	Name string
	Path string
	Args []string
	Env  []string // added to the environment of the test program

	// Ready reports whether the process does its work; nil means it does as soon
	// as it runs. It is asked every few milliseconds.
	Ready func(context.Context) error

	// StopGrace is the time between TERM and KILL, 5 seconds if zero.
	StopGrace time.Duration
}

// Group runs processes. Its methods are safe for concurrent use; two calls for
// the same process must not overlap.
type Group struct {
	logDir string
	log    *slog.Logger

	mu    sync.Mutex
	order []string // in the order of the first start
	procs map[string]*process
}

// NewGroup returns a group that writes one log file per process to logDir.
func NewGroup(logDir string, log *slog.Logger) *Group {
	return &Group{logDir: logDir, log: log, procs: map[string]*process{}}
}

// Run starts a new process and waits until it is ready. The error of a process
// that ends early, or does not become ready before ctx ends, quotes its last
// lines of output.
func (g *Group) Run(ctx context.Context, s Spec) error {
	g.mu.Lock()
	if _, ok := g.procs[s.Name]; ok {
		g.mu.Unlock()
		return fmt.Errorf("start %s: a process of this name exists, use Start", s.Name)
	}
	if s.StopGrace == 0 {
		s.StopGrace = 5 * time.Second
	}
	p := &process{spec: s, logPath: g.LogPath(s.Name)}
	g.procs[s.Name] = p
	g.order = append(g.order, s.Name)
	g.mu.Unlock()
	return g.start(ctx, p)
}

// Start starts a stopped or killed process again, with the same arguments and
// data, and waits until it is ready.
func (g *Group) Start(ctx context.Context, name string) error {
	p, err := g.find(name)
	if err != nil {
		return err
	}
	return g.start(ctx, p)
}

func (g *Group) start(ctx context.Context, p *process) error {
	begin := time.Now()
	if err := p.start(); err != nil {
		return err
	}
	if err := p.waitReady(ctx); err != nil {
		return err
	}
	g.log.Debug("process ready", "name", p.spec.Name, "after", time.Since(begin).Round(time.Millisecond))
	return nil
}

// Stop ends a process with TERM, and with KILL after its grace period.
func (g *Group) Stop(name string) error {
	p, err := g.find(name)
	if err != nil {
		return err
	}
	p.stop()
	return nil
}

// Kill9 ends a process and its children with KILL and waits until it is gone.
func (g *Group) Kill9(name string) error {
	p, err := g.find(name)
	if err != nil {
		return err
	}
	p.kill()
	return nil
}

// Signal sends a signal to one process, for example SIGSTOP to make it hang.
func (g *Group) Signal(name string, sig syscall.Signal) error {
	p, err := g.find(name)
	if err != nil {
		return err
	}
	return p.signal(sig)
}

// Pid returns the process id while the process runs, otherwise 0.
func (g *Group) Pid(name string) int {
	p, err := g.find(name)
	if err != nil {
		return 0
	}
	return p.pid()
}

// Wait waits until a process has ended, by itself or on request, and says how it ended. An end by
// itself is in Exited all the same, until the process is started again.
func (g *Group) Wait(ctx context.Context, name string) (*os.ProcessState, error) {
	p, err := g.find(name)
	if err != nil {
		return nil, err
	}
	return p.wait(ctx)
}

// Names lists the processes in the order they were first started.
func (g *Group) Names() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.order)
}

// LogPath is the file with the output of all lives of the process.
func (g *Group) LogPath(name string) string { return g.logDir + "/" + name + ".log" }

// Tail returns the last lines of output of the process.
func (g *Group) Tail(name string, lines int) string { return tail(g.LogPath(name), lines) }

// Exited returns an error naming every process that ended without being asked
// to, with its last lines of output, or nil.
func (g *Group) Exited() error {
	var all []error
	for _, name := range g.Names() {
		if p, err := g.find(name); err == nil {
			all = append(all, p.unexpectedExit())
		}
	}
	return errors.Join(all...)
}

// StopAll stops every process, the last started first.
func (g *Group) StopAll() {
	names := g.Names()
	slices.Reverse(names)
	for _, name := range names {
		g.Stop(name)
	}
}

func (g *Group) find(name string) (*process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.procs[name]
	if !ok {
		return nil, fmt.Errorf("no process %q, there are %v", name, g.order)
	}
	return p, nil
}
