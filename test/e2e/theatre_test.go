//go:build linux

package e2e

import (
	"flag"
	"sync"
	"testing"
)

// Scenes that are played measure how the proxy splits the traffic. Each change of its configuration
// makes the proxy begin its round anew, always with the heavier side, so a busy cluster skews the
// split: few are played at a time, and none while others rehearse.
const (
	maxPlayed    = 2
	maxRehearsed = 6
)

// theatre lets in scenes of one kind at a time.
type theatre struct {
	mu                sync.Mutex
	left              *sync.Cond
	played, rehearsed int
}

var house = func() *theatre {
	h := &theatre{}
	h.left = sync.NewCond(&h.mu)
	return h
}()

// enter waits for a place, which the end of the test gives back.
func (h *theatre) enter(t *testing.T, play bool) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	mine, others, limit := &h.rehearsed, &h.played, maxRehearsed
	if play {
		mine, others, limit = &h.played, &h.rehearsed, maxPlayed
	}
	for *others > 0 || *mine >= limit {
		h.left.Wait()
	}
	*mine++
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		*mine--
		h.left.Broadcast()
	})
}

// queueAll lets all parallel tests begin at once, since the house has its own limits, unless
// -parallel says how many.
func queueAll() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "100") // Every test binary has the flag.
	}
}
