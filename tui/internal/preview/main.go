// Command preview shows the screen of `kubectl canary watch` without a cluster, to look at it while
// working on it, and to write recordings of made-up states, of which pictures are made.
//
//	go run ./tui/internal/preview -state progressing -size 80x24   # print one frame
//	go run ./tui/internal/preview -live                            # a made-up run, with keys
//	go run ./tui/internal/preview -live -plain                     # the same as lines
//
// States: connecting, stale, gone, fleet (all canaries), and those of package scene.
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
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func run() error {
	state := flag.String("state", "progressing", "connecting, stale, gone, fleet, "+strings.Join(scene.States(), ", "))
	size := flag.String("size", "80x24", "columns x rows of the frame")
	themeName := flag.String("theme", "auto", strings.Join(theme.Names(), ", "))
	ascii := flag.Bool("ascii", false, "signs and charts in ASCII")
	live := flag.Bool("live", false, "run the screen on a made-up run")
	lines := flag.Bool("plain", false, "with -live: print lines instead")
	speed := flag.Float64("speed", 1, "with -live: how much faster than real time")
	recordings := flag.String("recordings", "", "write a recording of each state into this directory, for watch --replay")
	flag.Parse()
	if *recordings != "" {
		return writeRecordings(*recordings)
	}

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
	if *state == "fleet" {
		o.Name, o.Namespace, o.Scope = "", "", "all namespaces"
	}
	frame := tui.Frame(o, width, height, updates(*state)...)
	out := colorprofile.NewWriter(os.Stdout, os.Environ())
	_, err = fmt.Fprintln(out, frame)
	return err
}

// updates is what the screen is told to come into a state.
func updates(state string) []source.Update {
	switch state {
	case "connecting":
		return nil
	case "fleet":
		var all []source.Update
		for _, c := range scene.Fleet(40) {
			all = append(all, source.Canary{View: c})
		}
		return append(all, source.Synced{})
	case "stale":
		return []source.Update{
			source.Canary{View: scene.Of("progressing")},
			source.Stale{Since: scene.Epoch.Add(-12 * time.Second), Err: errors.New("dial tcp 10.0.0.1:6443: connection refused")},
		}
	case "gone":
		return []source.Update{source.Canary{View: scene.Of("succeeded")}, source.Gone{}}
	}
	return []source.Update{source.Canary{View: scene.Of(state)}}
}

func runLive(o tui.Options, speed float64, lines bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := newFake(speed)
	if lines {
		p := plain.Printer{W: os.Stdout}
		for u := range f.Detail(ctx, "", "") {
			if c, ok := u.(source.Canary); ok {
				if err := p.Update(c.View); err != nil {
					return err
				}
				if c.View.Terminal() {
					return nil
				}
			}
		}
		return nil
	}
	o.Source, o.Actions = f, f
	last, err := tui.Run(ctx, o)
	fmt.Println(last.Key(), last.Phase)
	return err
}
