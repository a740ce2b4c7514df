// Command preview shows the screen of `kubectl canary watch` without a cluster, to look at it while
// working on it and to make pictures of it.
//
//	go run ./tui/internal/preview -state progressing -size 80x24   # print one frame
//	go run ./tui/internal/preview -size 120x34 -svg >docs/watch.svg  # the frame as a picture
//	go run ./tui/internal/preview -live                            # a made-up run, with keys
//	go run ./tui/internal/preview -live -plain                     # the same as lines
//
// States: connecting, stale, gone, and those of package scene.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/plain"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func run() error {
	state := flag.String("state", "progressing", "connecting, stale, gone, "+strings.Join(scene.States(), ", "))
	size := flag.String("size", "80x24", "columns x rows of the frame")
	themeName := flag.String("theme", "auto", strings.Join(theme.Names(), ", "))
	svg := flag.Bool("svg", false, "print the frame as an SVG picture")
	ascii := flag.Bool("ascii", false, "signs and charts in ASCII")
	live := flag.Bool("live", false, "run the screen on a made-up run")
	lines := flag.Bool("plain", false, "with -live: print lines instead")
	speed := flag.Float64("speed", 1, "with -live: how much faster than real time")
	flag.Parse()

	name, err := theme.Parse(*themeName)
	if err != nil {
		return err
	}
	o := tui.Options{Name: "app", Namespace: "test", Context: "demo", Theme: name, ASCII: *ascii}
	if *live {
		return runLive(o, *speed, *lines)
	}
	var width, height int
	if _, err := fmt.Sscanf(*size, "%dx%d", &width, &height); err != nil {
		return fmt.Errorf("-size %q: want columns x rows, such as 80x24", *size)
	}
	o.Now = func() time.Time { return scene.Epoch }
	o.Actions = &fake{}
	frame := tui.Frame(o, width, height, updates(*state)...)
	if *svg {
		return writeSVG(os.Stdout, frame, width, height)
	}
	out := colorprofile.NewWriter(os.Stdout, os.Environ())
	_, err = fmt.Fprintln(out, frame)
	return err
}

// updates is what the screen is told to come into a state.
func updates(state string) []tui.Update {
	switch state {
	case "connecting":
		return nil
	case "stale":
		return []tui.Update{
			tui.CanaryMsg{Canary: scene.Of("progressing")},
			tui.StaleMsg{Since: scene.Epoch.Add(-12 * time.Second), Err: errors.New("dial tcp 10.0.0.1:6443: connection refused")},
		}
	case "gone":
		return []tui.Update{tui.CanaryMsg{Canary: scene.Of("succeeded")}, tui.GoneMsg{}}
	}
	return []tui.Update{tui.CanaryMsg{Canary: scene.Of(state)}}
}

func runLive(o tui.Options, speed float64, lines bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := newFake(speed)
	source := make(chan tui.Update)
	go f.play(ctx, source)
	if lines {
		p := plain.Printer{W: os.Stdout}
		for u := range source {
			if c, ok := u.(tui.CanaryMsg); ok {
				if err := p.Update(c.Canary); err != nil {
					return err
				}
				if c.Canary.Terminal() {
					return nil
				}
			}
		}
		return nil
	}
	o.Source, o.Actions = source, f
	last, err := tui.Run(ctx, o)
	fmt.Println(last.Key(), last.Phase)
	return err
}
