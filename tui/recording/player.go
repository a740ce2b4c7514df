package recording

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Replayed is the reason for which the verbs of a canary that is played back are disabled.
const Replayed = "this is a replay"

// The speeds that a player can have; others are taken for the nearest.
const (
	Slowest = 1.0 / 64
	Fastest = 4096.0
)

// Player plays a recording back: a source with a clock of its own, which stands at the beginning
// until Play. Its canaries have no verb enabled. It is safe for concurrent use.
//
// After Seek the channels report what is different at the new time; a canary that does not exist
// then is reported as gone. The end of the recorded source is reported as Stale, since it is not
// the end of the replay. The channels stay open until their context ends.
type Player struct {
	rec *Recording

	mu       sync.Mutex
	position time.Duration // of the clock, at since
	since    time.Time
	playing  bool
	speed    float64
	jumps    int
	changed  chan struct{} // closed, and replaced, when one of the above changes
}

var (
	_ source.Source    = (*Player)(nil)
	_ source.LiveMeter = (*Player)(nil)
)

// NewPlayer makes a player at the beginning of a recording.
func NewPlayer(r *Recording) *Player {
	return &Player{rec: r, speed: 1, changed: make(chan struct{})}
}

// Recording is what is played.
func (p *Player) Recording() *Recording { return p.rec }

// Now is the position: the time that a screen is to show.
func (p *Player) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rec.Start().Add(p.now())
}

// now is the position since the start. The caller holds mu, as for all below.
func (p *Player) now() time.Duration {
	if !p.playing {
		return p.position
	}
	passed := float64(time.Since(p.since)) * p.speed
	if passed >= float64(p.rec.length-p.position) {
		return p.rec.length
	}
	return p.position + time.Duration(passed)
}

// Playing is true while the position moves on: it ends with the recording.
func (p *Player) Playing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moving()
}

func (p *Player) moving() bool { return p.playing && p.now() < p.rec.length }

// Play lets the clock run; at the end it begins anew.
func (p *Player) Play() {
	p.set(func() {
		if p.position >= p.rec.length {
			p.position = 0
			p.jumps++
		}
		p.playing = true
	})
}

// Pause stops the clock.
func (p *Player) Pause() { p.set(func() { p.playing = false }) }

// Speed is how much faster than life the clock runs, 1 at first.
func (p *Player) Speed() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.speed
}

// SetSpeed sets the speed, within [Slowest] and [Fastest]; what is no number is ignored.
func (p *Player) SetSpeed(times float64) {
	if math.IsNaN(times) {
		return
	}
	p.set(func() { p.speed = min(max(times, Slowest), Fastest) })
}

// Seek sets the position; times outside of the recording are taken for its beginning or end.
func (p *Player) Seek(to time.Time) {
	p.set(func() {
		p.position = min(max(to.Sub(p.rec.Start()), 0), p.rec.length)
		p.jumps++
	})
}

// set changes something from now on.
func (p *Player) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = p.now()
	p.playing = p.playing && p.position < p.rec.length
	p.since = time.Now()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Fleet implements source.Source.
func (p *Player) Fleet(ctx context.Context) <-chan source.Update {
	return p.play(ctx, newCursor(p.rec, p.rec.fleet, screenFleet))
}

// Detail implements source.Source.
func (p *Player) Detail(ctx context.Context, namespace, name string) <-chan source.Update {
	return p.play(ctx, newCursor(p.rec, p.rec.detail[canaryKey{namespace, name}], screenDetail))
}

// Live implements source.LiveMeter.
func (p *Player) Live(ctx context.Context, namespace, name string) <-chan source.Update {
	return p.play(ctx, newCursor(p.rec, p.rec.live[canaryKey{namespace, name}], screenLive))
}

func (p *Player) play(ctx context.Context, c *cursor) <-chan source.Update {
	out := make(chan source.Update)
	go func() {
		defer close(out)
		for jumps := -1; ctx.Err() == nil; {
			now := p.look()
			changes := c.move(now.at, now.jumps != jumps)
			jumps = now.jumps
			if !p.send(ctx, out, c, changes, jumps) {
				continue
			}
			now.sleep(ctx, c)
		}
	}()
	return out
}

// glance is the clock of a player at a time.
type glance struct {
	at      time.Duration
	jumps   int
	moving  bool
	speed   float64
	changed <-chan struct{}
}

func (p *Player) look() glance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return glance{at: p.now(), jumps: p.jumps, moving: p.moving(), speed: p.speed, changed: p.changed}
}

// send hands the changes over and is false when somebody went elsewhere meanwhile: a reader that is
// slow is not told what is no longer so.
func (p *Player) send(ctx context.Context, out chan<- source.Update, c *cursor, changes []change, jumps int) bool {
	for i, ch := range changes {
		u, ok := c.update(ch)
		if !ok {
			continue
		}
		for sent := false; !sent; {
			now := p.look()
			if now.jumps != jumps {
				c.forget(changes[i:])
				return false
			}
			select {
			case out <- u:
				sent = true
			case <-now.changed:
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// shortest is the least that a channel sleeps: what comes close together is reported together.
const shortest = time.Millisecond

// sleep waits until the next entry is due, or the clock was changed.
func (g glance) sleep(ctx context.Context, c *cursor) {
	var timer <-chan time.Time
	if at, more := c.due(); more && g.moving {
		wait := time.Duration(math.Ceil(float64(at-g.at) / g.speed))
		t := time.NewTimer(max(wait, shortest))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
	case <-g.changed:
	case <-ctx.Done():
	}
}
