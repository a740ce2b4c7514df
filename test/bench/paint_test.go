//go:build linux

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// starts, keys and changes are how often each is measured.
	starts, keys, changes = 10, 50, 30
	// idleFor is how long the screens are left alone.
	idleFor = 20 * time.Second
	// frame is how often a screen is drawn at most.
	frame = time.Second / 30
)

// The budgets of design §9, for people.
const (
	paintBudget  = "150 ms"
	keyBudget    = "50 ms"
	changeBudget = "250 ms"
	idleBudget   = "1 % of a core"
)

// firstPaint starts screens: how long until there is something on the terminal, and until that is
// what it was started for.
func (s *stand) firstPaint(b *testing.B) {
	var f figures
	for b.Loop() {
		f = figures{}
		for _, m := range []struct {
			measure, name, kubeconfig string
			what                      screen
			mute, data                bool
		}{
			{"first paint, one canary", "one", s.kubeconfig, s.one, false, true},
			{"first paint, all", "all", s.kubeconfig, s.all, false, true},
			{"first paint, silent API server", "silent-server", s.deaf, s.all, false, false},
			{"first paint, silent terminal", "silent-terminal", s.kubeconfig, s.all, true, false},
		} {
			paint, complete := s.paints(b, m.what, m.kubeconfig, m.mute, m.data)
			f.add(b, m.measure, milliseconds(median(paint)), "ms-"+m.name, "%.0f ms", paintBudget)
			if m.data {
				f.add(b, "  until all data are there", milliseconds(median(complete)), "ms-"+m.name+"-complete", "%.0f ms", "")
			}
		}
	}
	f.log(b)
}

// paints starts a screen several times, and waits for its data if there will be some.
func (s *stand) paints(b *testing.B, what screen, kubeconfig string, mute, data bool) (paint, complete []time.Duration) {
	b.Helper()
	for i := range starts + 1 {
		t := s.start(b, what, kubeconfig, mute)
		header, all := t.Expect(has(what.header)), t.Expect(has(what.complete))
		first, last := shown(b, header), time.Time{}
		if data {
			last = shown(b, all)
		}
		t.Close()
		if i > 0 { // The first reads the program from the disk.
			paint, complete = append(paint, first.Sub(t.Began)), append(complete, last.Sub(t.Began))
		}
	}
	return paint, complete
}

// keyToPaint presses keys: help on and off on the screen of one, down the list on that of all.
func (s *stand) keyToPaint(b *testing.B) {
	const help, cursor = "Act on the canary", "›"
	var f figures
	for b.Loop() {
		f = figures{}
		t := s.open(b, s.one)
		open := false
		f.times(b, "key to paint, help of one", "one", repeat(keys, func() time.Duration {
			open = !open
			sight := t.Expect(func(text string) bool { return strings.Contains(text, help) == open })
			begin := time.Now()
			if err := t.Type("?"); err != nil {
				b.Fatal(err)
			}
			return shown(b, sight).Sub(begin)
		}), keyBudget)
		t = s.open(b, s.all)
		f.times(b, "key to paint, down the list", "all", repeat(keys, func() time.Duration {
			before := lineOf(t.Text(), cursor)
			sight := t.Expect(func(text string) bool { return lineOf(text, cursor) != before })
			begin := time.Now()
			if err := t.Type("j"); err != nil {
				b.Fatal(err)
			}
			return shown(b, sight).Sub(begin)
		}), keyBudget)
	}
	f.log(b)
}

// changeToPaint changes the weight of a canary: the time from the API server's answer to the new
// weight at the terminal.
func (s *stand) changeToPaint(b *testing.B) {
	var f figures
	for b.Loop() {
		f = figures{}
		for _, m := range []struct {
			measure, name string
			what          screen
		}{{"change to paint, one canary", "one", s.one}, {"change to paint, all", "all", s.all}} {
			t, weight := s.open(b, m.what), 60
			f.times(b, m.measure, m.name, repeat(changes, func() time.Duration {
				weight++
				word := fmt.Sprintf("%d%%", weight)
				sight := t.Expect(func(text string) bool {
					// In the list the first canary's own line counts, on its screen the line of the weight.
					line := lineOf(text, fleetName(0))
					if m.name == "one" {
						line = lineOf(text, "canary  ")
					}
					return strings.Contains(line, word)
				})
				patch := fmt.Sprintf(`{"status":{"canaryWeight":%d,"run":{"weight":%[1]d}}}`, weight)
				_, err := s.canaries.Patch(b.Context(), fleetName(0), types.MergePatchType, []byte(patch),
					metav1.PatchOptions{FieldManager: "canary-agent"}, "status")
				if err != nil {
					b.Fatal(err)
				}
				answered := time.Now()
				// The screen may have it before the answer is read here.
				return max(0, shown(b, sight).Sub(answered))
			}), changeBudget)
		}
	}
	f.log(b)
}

// idle leaves screens alone, all at the same time.
func (s *stand) idle(b *testing.B) {
	var f figures
	for b.Loop() {
		f = figures{}
		views := []struct {
			measure, name string
			what          screen
		}{
			{"one, nothing counts", "rest", s.rest}, {"one, a countdown", "countdown", s.one}, {"all, countdowns", "all", s.all},
		}
		type reading struct {
			cost
			bytes int64
		}
		var read []func() reading
		for _, v := range views {
			t := s.open(b, v.what)
			read = append(read, func() reading {
				c, err := costOf(t.PID())
				if err != nil {
					b.Fatal(err)
				}
				return reading{c, t.Bytes()}
			})
		}
		time.Sleep(3 * time.Second) // Collections of garbage that belong to the start.
		before := make([]reading, len(views))
		for i := range views {
			before[i] = read[i]()
		}
		time.Sleep(idleFor)
		for i, v := range views {
			now, then := read[i](), before[i]
			span := now.at.Sub(then.at)
			f.add(b, "idle, "+v.measure+", CPU", 100*float64(now.cpu-then.cpu)/float64(span), "%-CPU-"+v.name, "%.2f %%", idleBudget)
			f.also(b, v.name,
				also{float64(now.wakeups-then.wakeups) / span.Seconds(), "wakeups/s"},
				also{float64(now.bytes-then.bytes) / span.Seconds(), "B/s"}, // to the terminal
				also{now.memory, "MB"})
		}
	}
	f.log(b)
}

// repeat measures something n times, at moments that do not keep in step with the frames.
func repeat(n int, once func() time.Duration) []time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		time.Sleep(2*frame + time.Duration(i*7%10)*frame/10)
		took[i] = once()
	}
	return took
}

// lineOf is the first line of a screen with a word; empty if none has it.
func lineOf(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}
