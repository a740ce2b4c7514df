//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const (
	// fontSize in points makes cells of 14x28 pixels: twice as many as a page shows, which is sharp
	// on every screen.
	fontSize = 17
	// padding around the cells, in points.
	padding = 12
	// shownAtMost is how long the program may take to show what a shot waits for.
	shownAtMost = 20 * time.Second
	// poll is the pause between two looks.
	poll = 100 * time.Millisecond
	// calm is how long nothing may move on a picture, and calmAtMost how long that is waited for.
	calm, calmAtMost = 300 * time.Millisecond, 5 * time.Second
)

// kitty is a terminal emulator with the program of one shot.
type kitty struct {
	*display
	shot   shot
	socket string
	env    []string
}

// take makes one picture.
func take(ctx context.Context, d *display, o options, s shot) ([]byte, error) {
	scene := filepath.Join(o.scenes, s.scene+".canary")
	if _, err := os.Stat(scene); err != nil {
		return nil, fmt.Errorf("there is no recording to show: %w", err)
	}
	k := &kitty{display: d, shot: s, socket: filepath.Join(d.dir, s.name+".socket")}
	// Nothing of the user's environment is to be seen.
	k.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "XDG_RUNTIME_DIR=" + d.dir, "DISPLAY=" + d.name,
		"LANG=C.UTF-8", "TZ=UTC", "LIBGL_ALWAYS_SOFTWARE=1",
	}, s.env...)
	defer func() { _ = d.group.Stop(s.name) }()
	if err := k.start(ctx, append([]string{o.plugin, "watch", "--replay", scene}, s.flags...)); err != nil {
		return nil, err
	}
	if err := k.rightSize(ctx); err != nil {
		return nil, err
	}
	for _, p := range append([]press{{wait: s.wait}}, s.keys...) {
		if p.keys != "" {
			if _, err := k.call(ctx, strings.NewReader(p.keys), "send-text", "--stdin"); err != nil {
				return nil, err
			}
		}
		if err := k.waitFor(ctx, p.wait); err != nil {
			return nil, err
		}
	}
	picture, err := k.still(ctx)
	if err != nil {
		return nil, err
	}
	return encode(picture)
}

// config is kitty.conf.
func (k *kitty) config() string {
	background, foreground := k.shot.paper.colors()
	return fmt.Sprintf(`
font_family %s
font_size %d
background #%02x%02x%02x
foreground #%02x%02x%02x
cursor_blink_interval 0
initial_window_width %dc
initial_window_height %dc
remember_window_size no
placement_strategy top-left
window_padding_width %d
hide_window_decorations yes
confirm_os_window_close 0
enable_audio_bell no
update_check_interval 0
shell_integration disabled
allow_remote_control socket-only
`, font, fontSize, background.R, background.G, background.B, foreground.R, foreground.G, foreground.B,
		k.shot.columns, k.shot.rows, padding)
}

func (k *kitty) start(ctx context.Context, command []string) error {
	config := filepath.Join(k.dir, k.shot.name+".conf")
	if err := os.WriteFile(config, []byte(k.config()), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startAtMost)
	defer cancel()
	// env -i keeps the environment of this program out.
	args := slices.Concat([]string{"-i"}, k.env, []string{"kitty", "--config", config, "--listen-on", "unix:" + k.socket}, command)
	return k.group.Run(ctx, supervise.Spec{
		Name: k.shot.name, Path: "env", Args: args,
		Ready: func(ctx context.Context) error {
			_, err := k.text(ctx)
			return err
		},
	})
}

// call asks the terminal for something, or to do it.
func (k *kitty) call(ctx context.Context, in *strings.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "kitty", append([]string{"@", "--to", "unix:" + k.socket}, args...)...)
	cmd.Env = k.env
	if in != nil {
		cmd.Stdin = in
	}
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kitty @ %s: %w: %s", args[0], err, strings.TrimSpace(errOut.String()))
	}
	return out, nil
}

func (k *kitty) text(ctx context.Context) (string, error) {
	out, err := k.call(ctx, nil, "get-text")
	return string(out), err
}

// rightSize makes sure that the screen has the size of the shot.
func (k *kitty) rightSize(ctx context.Context) error {
	out, err := k.call(ctx, nil, "ls")
	if err != nil {
		return err
	}
	var windows []struct {
		Tabs []struct {
			Windows []struct{ Columns, Lines int }
		}
	}
	if err := json.Unmarshal(out, &windows); err != nil {
		return fmt.Errorf("kitty @ ls: %w", err)
	}
	if len(windows) == 0 || len(windows[0].Tabs) == 0 || len(windows[0].Tabs[0].Windows) == 0 {
		return errors.New("the terminal has no window: the program has ended")
	}
	screen := windows[0].Tabs[0].Windows[0]
	if screen.Columns != k.shot.columns || screen.Lines != k.shot.rows {
		return fmt.Errorf("the terminal has %dx%d cells, want %dx%d", screen.Columns, screen.Lines, k.shot.columns, k.shot.rows)
	}
	return nil
}

// waitFor waits until the screen shows a text.
func (k *kitty) waitFor(ctx context.Context, want string) error {
	ctx, cancel := context.WithTimeout(ctx, shownAtMost)
	defer cancel()
	var seen string
	for {
		text, err := k.text(ctx)
		switch {
		case err == nil && strings.Contains(text, want):
			return nil
		case err == nil:
			seen = text
		case ctx.Err() == nil:
			return fmt.Errorf("the program ended before there was a %q; the last screen:\n%s\n%w", want, seen, err)
		}
		if err := pause(ctx, poll); err != nil {
			return fmt.Errorf("no %q on the screen: %w; the last screen:\n%s", want, err, seen)
		}
	}
}

// still is what the display shows when nothing has moved for a while, or at last.
func (k *kitty) still(ctx context.Context) (*image.RGBA, error) {
	deadline := time.Now().Add(calmAtMost)
	var last *image.RGBA
	for {
		if err := pause(ctx, calm); err != nil {
			return nil, err
		}
		picture, err := k.snap()
		if err != nil {
			return nil, err
		}
		if last != nil && bytes.Equal(picture.Pix, last.Pix) || time.Now().After(deadline) {
			return picture, nil
		}
		last = picture
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
