//go:build linux

package bench

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-canary/kubectl-canary/test/bench/pty"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const (
	// fleetSize is the number of canaries that the budgets of the screens are for.
	fleetSize = 1000
	// shownAtMost is how long anything may take to be seen before the benchmark gives up.
	shownAtMost = 20 * time.Second
)

// stand is what it takes to look at the screens of a fleet.
type stand struct {
	kubeconfig string
	// deaf is a kubeconfig of an API server that takes connections and never answers.
	deaf     string
	home     string
	canaries dynamic.ResourceInterface
	// one shows a canary that holds a step, rest one with nothing under way, all the fleet.
	one, rest, all screen
}

// screen is what can be looked at.
type screen struct {
	args []string
	// header is a word of the first frame, and complete one of the first with all data.
	header, complete string
}

// BenchmarkScreen measures `kubectl canary watch` beside 1,000 canaries: the program itself, from its
// start, a key, or the API server's answer to the bytes at the terminal, which has 200×60 and answers
// what it is asked.
func BenchmarkScreen(b *testing.B) {
	s := newStand(b, cluster(b))
	b.Run("first-paint", s.firstPaint)
	b.Run("key-to-paint", s.keyToPaint)
	b.Run("change-to-paint", s.changeToPaint)
	b.Run("idle", s.idle)
}

func newStand(b *testing.B, c *testbed.Cluster) *stand {
	b.Helper()
	if err := stage.ScaleAgent(b.Context(), c, 0); err != nil { // Nobody else is to write a status.
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := stage.ScaleAgent(context.Background(), c, 1); err != nil {
			b.Error(err)
		}
	})
	namespace := c.Namespace(b)
	detail := func(i int, complete string) screen {
		name := fleetName(i)
		return screen{args: []string{"watch", name, "-n", namespace}, header: name, complete: complete}
	}
	return &stand{
		kubeconfig: c.Kubeconfig, deaf: deaf(b, c.Kubeconfig), home: b.TempDir(),
		canaries: fleet(b, c, namespace, fleetSize),
		one:      detail(0, "step 8 of 10"), rest: detail(1, "is the primary's"),
		all: screen{args: []string{"watch", "-A", "-l", fleetLabel + "=" + namespace}, header: "Canaries", complete: fleetSummary},
	}
}

// deaf writes the kubeconfig of a server that takes connections and says nothing.
func deaf(b *testing.B, kubeconfig string) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is there at once.
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() }) // The connections, which nobody has accepted, end with it.
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		cluster.Server = "https://" + listener.Addr().String()
	}
	path := filepath.Join(b.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		b.Fatal(err)
	}
	return path
}

// start starts a screen, and does not wait for it.
func (s *stand) start(b *testing.B, what screen, kubeconfig string, mute bool) *pty.Terminal {
	b.Helper()
	t, err := pty.Start(pty.Options{
		Width: 200, Height: 60, Mute: mute, Command: append([]string{programs.Plugin}, what.args...),
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "KUBECONFIG=" + kubeconfig,
			"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8",
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// open starts a screen that ends with the benchmark, and waits until it has everything.
func (s *stand) open(b *testing.B, what screen) *pty.Terminal {
	b.Helper()
	t := s.start(b, what, s.kubeconfig, false)
	b.Cleanup(t.Close)
	shown(b, t.Expect(has(what.complete)))
	time.Sleep(time.Second) // What was asked for after that, such as rights and events, is there then.
	if strange := t.Unknown(); len(strange) > 0 {
		b.Logf("sequences that the terminal does not know: %s", strings.Join(strange, " "))
	}
	return t
}

// shown waits for something on the screen and returns since when it is there.
func shown(b *testing.B, sight *pty.Sight) time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), shownAtMost)
	defer cancel()
	at, err := sight.Wait(ctx)
	if err != nil {
		b.Fatal(err)
	}
	return at
}

// has looks for a word on the screen.
func has(word string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, word) }
}
