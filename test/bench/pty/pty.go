//go:build linux

package pty

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killAfter is how long a program may take to end when it is told to.
const killAfter = 2 * time.Second

// Options of [Start].
type Options struct {
	// Width and Height are in columns and rows.
	Width, Height int
	// Command is the program and its arguments.
	Command []string
	// Env is the whole environment of the program.
	Env []string
	// Mute terminals answer no query, as some multiplexers and old terminals do.
	Mute bool
}

// Terminal is a pseudo terminal in which a program runs, or ran.
type Terminal struct {
	// Began is the moment right before the program was started.
	Began time.Time

	cmd    *exec.Cmd
	master *os.File
	mute   bool
	ended  chan struct{} // closed after the last byte of the program

	mu     sync.Mutex
	screen *screen
	last   time.Time // of the last read
	bytes  int64
	sights []*Sight
}

// Sight is something that is expected on the screen.
type Sight struct {
	t    *Terminal
	seen func(screen string) bool
	at   chan time.Time // of one element
}

// ErrEnded is the error of a wait for something on the screen of a program that has ended.
var ErrEnded = errors.New("the program has ended")

// Start starts a program in a terminal. The caller has to Close it.
func Start(o Options) (*Terminal, error) {
	master, slave, err := open(o.Width, o.Height)
	if err != nil {
		return nil, fmt.Errorf("open a pseudo terminal: %w", err)
	}
	defer slave.Close()
	cmd := exec.Command(o.Command[0], o.Command[1:]...) //nolint:gosec,noctx // Close ends it.
	cmd.Env = o.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0, Pdeathsig: syscall.SIGKILL}
	t := &Terminal{
		cmd: cmd, master: master, mute: o.Mute, ended: make(chan struct{}), screen: newScreen(o.Width, o.Height),
		Began: time.Now(),
	}
	if err := cmd.Start(); err != nil {
		master.Close()
		return nil, fmt.Errorf("start %s in a pseudo terminal: %w", o.Command[0], err)
	}
	go t.read()
	return t, nil
}

// open makes a terminal of the given size: the side of the terminal, and that of the program.
func open(width, height int) (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	size := &unix.Winsize{Col: uint16(width), Row: uint16(height)} //nolint:gosec // sizes of terminals
	if err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size); err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.FormatUint(uint64(number), 10), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}

// read shows what the program writes, until it has ended.
func (t *Terminal) read() {
	defer close(t.ended)
	buf := make([]byte, 1<<16)
	for {
		n, err := t.master.Read(buf)
		at := time.Now()
		if n > 0 {
			if answers := t.show(buf[:n], at); len(answers) > 0 && !t.mute {
				_, _ = t.master.Write(answers) // A program that has ended needs none.
			}
		}
		if err != nil {
			return // EIO: nobody has the other side open any more.
		}
	}
}

// show puts what was read at a moment on the screen, and returns the answers to queries.
func (t *Terminal) show(p []byte, at time.Time) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	answers := t.screen.write(p)
	t.last = at
	t.bytes += int64(len(p))
	if t.screen.held || len(t.sights) == 0 {
		return answers // A terminal shows nothing of a frame before its end.
	}
	text := t.screen.text()
	waiting := t.sights[:0]
	for _, s := range t.sights {
		if s.seen(text) {
			s.at <- at
		} else {
			waiting = append(waiting, s)
		}
	}
	t.sights = waiting
	return answers
}

// Expect begins to look for something on the screen, which may be there already. The function is
// called with the text of the screen after each read that completes a frame, by another goroutine.
func (t *Terminal) Expect(seen func(screen string) bool) *Sight {
	s := &Sight{t: t, seen: seen, at: make(chan time.Time, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() && !t.screen.held && seen(t.screen.text()) {
		s.at <- t.last
		return s
	}
	t.sights = append(t.sights, s)
	return s
}

// Wait returns when the read was that completed what was expected. The error is [ErrEnded] or that of
// the context, with what there is on the screen instead.
func (s *Sight) Wait(ctx context.Context) (time.Time, error) {
	var err error
	select {
	case at := <-s.at:
		return at, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-s.t.ended:
		select {
		case at := <-s.at:
			return at, nil
		default:
			err = ErrEnded
		}
	}
	return time.Time{}, fmt.Errorf("not what was expected on the screen: %w:\n%s", err, s.t.Text())
}

// Type writes to the program what is typed.
func (t *Terminal) Type(keys string) error {
	_, err := t.master.WriteString(keys)
	return err
}

// Text is the screen without styles, one line for each row, without blanks at the ends of lines.
func (t *Terminal) Text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.text()
}

// Unknown lists the sequences that were not understood, so that the text may be wrong.
func (t *Terminal) Unknown() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.unknown
}

// Bytes is how much the program has written so far.
func (t *Terminal) Bytes() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes
}

// PID of the program.
func (t *Terminal) PID() int { return t.cmd.Process.Pid }

// Close ends the program as the end of a terminal does, and waits for it; one that does not end is
// killed.
func (t *Terminal) Close() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(killAfter, func() { _ = t.cmd.Process.Kill() })
	_ = t.cmd.Wait()
	kill.Stop()
	t.master.Close()
	<-t.ended
}
