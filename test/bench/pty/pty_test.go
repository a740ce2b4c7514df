//go:build linux

package pty

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestScreen(t *testing.T) {
	for _, test := range []struct{ name, write, want string }{
		{"text", "ab\r\ncd", "ab\ncd\n\n"},
		{"wrap", "abcdefgh12", "abcdefgh\n12\n\n"},
		{"no wrap", "\x1b[?7labcdefgh12", "abcdefg2\n\n\n"},
		{"address", "\x1b[2;3Hx\x1b[H1\x1b[3dy\x1b[5Gz", "1\n  x\n y  z\n"},
		{"relative", "abc\x1b[2Dx\x1b[By\x1b[Az\x1b[Cw\bv", "axcz v\n  y\n\n"},
		{"tabs", "a\tb\x1b[Zc", "c      b\n\n\n"},
		{"erase", "abcdef\x1b[3D\x1b[K\r\nabcdef\x1b[3D\x1b[1K\r\nabcdef\x1b[4D\x1b[2X", "abc\n    ef\nab  ef\n"},
		{"erase below", "ab\r\ncd\r\nef\x1b[2;2H\x1b[J", "ab\nc\n\n"},
		{"repeat", "-\x1b[4b", "-----\n\n\n"},
		{"characters", "abcdef\x1b[4D\x1b[2P\r\nabcdef\x1b[4D\x1b[2@", "abef\nab  cdef\n\n"},
		{"scroll", "1\r\n2\r\n3\n4", "2\n3\n 4\n"},
		{"region", "1\r\n2\r\n3\x1b[2;3r\x1b[S", "1\n3\n\n"},
		{"lines", "1\r\n2\r\n3\x1b[2;1H\x1b[L", "1\n\n2\n"},
		{"lines gone", "1\r\n2\r\n3\x1b[1;1H\x1b[M", "2\n3\n\n"},
		{"up at the top", "1\r\n2\x1b[H\x1bMx", "x\n1\n2\n"},
		{"wide", "漢x\x1b[6G漢\r\n1234567漢", "漢x  漢\n1234567\n漢\n"},
		{"styles and strings", "\x1b[1;38;2;1;2;3ma\x1b[m\x1b]8;;http://x\x1b\\b\x1b]0;title\ac", "abc\n\n\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			whole, pieces := newScreen(8, 3), newScreen(8, 3)
			whole.write([]byte(test.write))
			for _, b := range []byte(test.write) { // A read may end anywhere.
				pieces.write([]byte{b})
			}
			if got := whole.text(); got != test.want || len(whole.unknown) > 0 {
				t.Errorf("%q gives\n%q, want\n%q; unknown %v", test.write, got, test.want, whole.unknown)
			}
			if got := pieces.text(); got != test.want {
				t.Errorf("%q byte by byte gives\n%q, want\n%q", test.write, got, test.want)
			}
		})
	}
	s := newScreen(8, 3)
	if s.write([]byte("\x1b[5!z")); len(s.unknown) != 1 {
		t.Errorf("a sequence that nobody knows: %v", s.unknown)
	}
}

func sh(script string) Options {
	return Options{Width: 40, Height: 5, Command: []string{"sh", "-c", script}, Env: os.Environ()}
}

func start(t *testing.T, o Options) *Terminal {
	t.Helper()
	x, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func word(word string) func(string) bool {
	return func(screen string) bool { return strings.Contains(screen, word) }
}

func TestTerminal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	x := start(t, sh(`stty -echo; stty size; read line; sleep 0.2; echo "got $line"; read line`))
	at, err := x.Expect(word("5 40")).Wait(ctx)
	if err != nil || at.Before(x.Began) {
		t.Fatalf("%v after %v: %v", at, x.Began, err)
	}
	sight := x.Expect(word("got it"))
	typed := time.Now()
	if err := x.Type("it\r"); err != nil {
		t.Fatal(err)
	}
	if at, err = sight.Wait(ctx); err != nil || at.Sub(typed) < 200*time.Millisecond {
		t.Errorf("seen after %s: %v", at.Sub(typed), err)
	}
	if again, err := x.Expect(word("got it")).Wait(ctx); err != nil || again.After(time.Now()) {
		t.Errorf("what is there already: %v, %v", again, err)
	}
	if x.Bytes() == 0 {
		t.Error("nothing was written")
	}
	pid := x.PID()
	x.Close()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the program outlives its terminal: %v", err)
	}
	if _, err := x.Expect(word("never")).Wait(ctx); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "got it") {
		t.Errorf("wait for a program that has ended: %v", err)
	}
}

// TestFrame has a frame of two writes: it is on the screen when it is complete.
func TestFrame(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	x := start(t, sh(`printf '\033[?2026hone'; sleep 0.3; printf ' two\033[?2026l'; read line`))
	var seen []string
	sight := x.Expect(func(screen string) bool {
		seen = append(seen, strings.TrimSpace(screen))
		return strings.Contains(screen, "one")
	})
	if _, err := sight.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(seen, "one two") || slices.Contains(seen, "one") {
		t.Errorf("saw %q", seen)
	}
}

// TestAnswers asks what programs ask.
func TestAnswers(t *testing.T) {
	const ask = `stty raw -echo; printf '\033[?2026$p'; a=$(dd bs=1 count=11 2>/dev/null | od -An -c | tr -d ' '); stty sane; echo "answer $a"; read line`
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := start(t, sh(ask)).Expect(word("answer 033[?2026;2$y")).Wait(ctx); err != nil {
		t.Error(err)
	}
	mute := sh(ask)
	mute.Mute = true
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := start(t, mute).Expect(word("answer")).Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a terminal that answers nothing: %v", err)
	}
	s := newScreen(8, 3)
	got := string(s.write([]byte("\x1b]11;?\x1b\\\x1b]10;?\a\x1b[c\x1b[6n\x1b[?u")))
	for _, want := range []string{"\x1b]11;rgb:", "\x1b]10;rgb:", "\x1b[?62", "\x1b[1;1R", "\x1b[?0u"} {
		if !strings.Contains(got, want) {
			t.Errorf("the answers %q have no %q", got, want)
		}
	}
}
