package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// film is a recording of four seconds: a from the start, b from 1 s to 3 s, a's weight grows each
// second; the connection is lost at 2 s and comes back at 3 s.
func film(t *testing.T) *Recording {
	t.Helper()
	var rec *Recording
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		r := New(&file, Header{})
		fleet := channel{from: fromFleet}
		canary := func(name string, weight int32) { r.update(fleet, source.Canary{View: named(name, weight)}) }
		canary("a", 0)
		r.update(fleet, source.Synced{})
		time.Sleep(time.Second)
		canary("a", 1)
		canary("b", 50)
		r.update(channel{fromLive, "test", "a"}, source.Live{Namespace: "test", Name: "a", At: time.Now(), Values: []source.Value{{Metric: "m", Canary: new(1.0)}}})
		time.Sleep(time.Second)
		canary("a", 2)
		r.update(fleet, source.Stale{Since: time.Now(), Err: errors.New("lost")})
		time.Sleep(time.Second)
		r.update(fleet, source.Fresh{})
		r.update(fleet, source.Gone{Namespace: "test", Name: "b"})
		canary("a", 3)
		time.Sleep(time.Second)
		canary("a", 4)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		rec = read(t, file.Bytes())
	})
	return rec
}

// brief says in a word what an update is.
func brief(u source.Update) string {
	switch u := u.(type) {
	case source.Canary:
		return fmt.Sprintf("%s=%d", u.View.Name, u.View.Weight)
	case source.Gone:
		return "-" + u.Name
	case source.Alive:
		return "" // Of no interest here.
	case source.Live:
		return fmt.Sprintf("live%d", len(u.Values))
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", u), "source."))
}

// viewer collects what comes out of a channel.
type viewer struct {
	mu    sync.Mutex
	words []string
	ended bool
}

func watch(in <-chan source.Update) *viewer {
	v := &viewer{}
	go func() {
		for u := range in {
			v.mu.Lock()
			if word := brief(u); word != "" {
				v.words = append(v.words, word)
			}
			v.mu.Unlock()
		}
		v.mu.Lock()
		v.ended = true
		v.mu.Unlock()
	}()
	return v
}

// expect compares what has come since the last time.
func (v *viewer) expect(t *testing.T, when, want string) {
	t.Helper()
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	if got := strings.Join(v.words, " "); got != want {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
	v.words = nil
}

func TestPlayer(t *testing.T) {
	rec := film(t)
	synctest.Test(t, func(t *testing.T) {
		p := NewPlayer(rec)
		start := rec.Start()
		fleet := watch(p.Fleet(t.Context()))
		fleet.expect(t, "at the start", "a=0 synced")
		time.Sleep(time.Hour)
		fleet.expect(t, "before Play", "")
		if p.Playing() || !p.Now().Equal(start) {
			t.Errorf("before Play the player plays, or is at %s", p.Now())
		}

		p.Play()
		time.Sleep(999 * time.Millisecond)
		fleet.expect(t, "before the first second", "")
		time.Sleep(time.Millisecond)
		fleet.expect(t, "after a second", "a=1 b=50")
		if got := p.Now().Sub(start); got != time.Second {
			t.Errorf("the position after a second is %s", got)
		}
		p.SetSpeed(2)
		time.Sleep(500 * time.Millisecond)
		fleet.expect(t, "after half a second of double speed", "a=2 stale")

		p.Pause()
		time.Sleep(time.Hour)
		fleet.expect(t, "during a pause", "")
		if got := p.Now().Sub(start); got != 2*time.Second {
			t.Errorf("the position in the pause is %s", got)
		}
		p.Seek(start.Add(500 * time.Millisecond))
		fleet.expect(t, "after going back", "-b a=0 fresh")
		p.Seek(start.Add(3500 * time.Millisecond))
		fleet.expect(t, "after going on", "a=3")
		p.Seek(start.Add(2500 * time.Millisecond))
		fleet.expect(t, "after going back to b", "b=50 a=2 stale")
		p.Seek(start.Add(2600 * time.Millisecond))
		fleet.expect(t, "within the same state", "")

		p.Play()
		time.Sleep(time.Minute)
		fleet.expect(t, "until the end", "-b a=3 fresh a=4")
		if p.Playing() || !p.Now().Equal(rec.End()) {
			t.Errorf("after the end: playing %v, at %s", p.Playing(), p.Now())
		}
		p.Play()
		fleet.expect(t, "anew", "a=0")
		time.Sleep(time.Minute)
		fleet.expect(t, "to the end again", "a=1 b=50 a=2 stale -b a=3 fresh a=4")
		p.Seek(start.Add(-time.Hour))
		if !p.Now().Equal(start) {
			t.Errorf("before the start is %s", p.Now())
		}
		p.Seek(start.Add(time.Hour))
		if !p.Now().Equal(rec.End()) {
			t.Errorf("after the end is %s", p.Now())
		}
	})
}

func TestPlayerDetailAndLive(t *testing.T) {
	rec := film(t)
	synctest.Test(t, func(t *testing.T) {
		p := NewPlayer(rec)
		ctx, cancel := context.WithCancel(t.Context())
		b, live := watch(p.Detail(ctx, "test", "b")), watch(p.Live(ctx, "test", "a"))
		none := watch(p.Detail(ctx, "test", "unknown"))
		b.expect(t, "before it exists", "synced")
		p.Seek(rec.Start().Add(time.Second))
		b.expect(t, "once it exists", "b=50")
		live.expect(t, "at the first value", "live1")
		p.Seek(rec.End())
		b.expect(t, "after its deletion", "-b")
		p.Seek(rec.Start())
		live.expect(t, "before the first value", "live0")
		p.Seek(rec.End())
		b.expect(t, "from the start to after its deletion", "b=50 -b")
		cancel()
		synctest.Wait()
		for _, v := range []*viewer{b, live, none} {
			if !v.ended {
				t.Error("a channel outlives its context")
			}
		}
	})
}

// A reader that has not taken the old updates gets the new state, not those.
func TestSeekOvertakesASlowReader(t *testing.T) {
	rec := film(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := NewPlayer(rec)
		p.Seek(rec.Start().Add(2 * time.Second))
		out := p.Fleet(ctx)
		synctest.Wait() // It offers b=50 now.
		p.Seek(rec.Start())
		v := watch(out)
		v.expect(t, "after the seek", "-b a=0 synced fresh")
	})
}

// Between updates a channel sleeps, in a pause until somebody does something; it does not poll.
func TestPlayerSleeps(t *testing.T) {
	lines := header + `{"ms":0,"from":"fleet","kind":"synced"}` + "\n" + `{"ms":3600000,"from":"fleet","kind":"stale"}` + "\n"
	rec := read(t, []byte(lines))
	synctest.Test(t, func(t *testing.T) {
		p, c := NewPlayer(rec), newCursor(rec, rec.fleet, screenFleet)
		c.move(0, true)
		sleeps := func(want time.Duration) {
			t.Helper()
			begin := time.Now()
			p.look().sleep(t.Context(), c)
			if got := time.Since(begin); got != want {
				t.Errorf("slept %s, want %s", got, want)
			}
		}
		time.AfterFunc(24*time.Hour, p.Play)
		sleeps(24 * time.Hour)
		p.SetSpeed(4)
		sleeps(15 * time.Minute)
		c.move(time.Hour, false)
		p.Play() // anew
		time.AfterFunc(48*time.Hour, func() { p.Seek(rec.Start()) })
		sleeps(48 * time.Hour)
	})
}

func TestSpeed(t *testing.T) {
	p := NewPlayer(film(t))
	for _, c := range []struct{ set, want float64 }{
		{math.NaN(), 1}, {3, 3}, {math.Inf(1), Fastest}, {0, Slowest}, {-1, Slowest}, {math.NaN(), Slowest},
	} {
		if p.SetSpeed(c.set); p.Speed() != c.want {
			t.Errorf("SetSpeed(%v) gives %v, want %v", c.set, p.Speed(), c.want)
		}
	}
}

// For the race detector, and for deadlocks.
func TestPlayerConcurrently(t *testing.T) {
	rec := film(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	p := NewPlayer(rec)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for u := range p.Fleet(ctx) {
				_ = brief(u)
			}
		})
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				p.Seek(rec.Start().Add(time.Duration(i%5) * time.Second))
				p.SetSpeed(float64(i % 100))
				p.Play()
				_ = p.Now()
				if i%7 == 0 {
					p.Pause()
				}
			}
		})
	}
	all.Wait()
}
