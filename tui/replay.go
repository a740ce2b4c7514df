package tui

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/rewind"
	"github.com/kubectl-canary/kubectl-canary/tui/timeline"
)

// replay shows a run that the status still knows, from its beginning.
type replay struct {
	from, to, at time.Time
	moments      []rewind.Moment
	playing      bool
	speed        float64
	advanced     time.Time // when at was last moved by the clock
}

var _ Playback = (*replay)(nil)

// replayTime is how long a whole run takes at the speed a replay begins with.
const replayTime = 30 * time.Second

// startReplay shows the run of a state from its beginning; ok is false when it keeps none.
func (m *model) startReplay() (ok bool) {
	d := &m.detail
	from, to, ok := rewind.Span(d.present)
	if !ok {
		return false
	}
	speed := 1.0
	for time.Duration(speed*float64(replayTime)) < to.Sub(from) {
		speed *= 2
	}
	d.replay = &replay{from: from, to: to, at: from, speed: speed, playing: true, moments: rewind.Moments(d.present), advanced: m.clock}
	m.tell()
	m.redrawPast()
	return true
}

func (m *model) stopReplay() {
	m.detail.replay = nil
	m.tell()
	m.show(m.detail.present)
}

// replaying is what the keys of a replay control: a run of the history, or a recording.
func (m *model) replaying() Playback {
	switch {
	case m.screen == inDetail && m.detail.replay != nil:
		return m.detail.replay
	case m.playback != nil:
		if from, to := m.playback.Span(); to.After(from) { // a single moment cannot be played
			return m.playback
		}
	}
	return nil
}

func (m *model) playing() bool {
	p := m.replaying()
	return p != nil && p.Playing()
}

// advance moves a replay with the clock.
func (m *model) advance() {
	r := m.detail.replay
	if r == nil {
		return
	}
	r.advance(m.clock)
	m.tell()
	m.redrawPast()
}

func (r *replay) advance(now time.Time) {
	passed := now.Sub(r.advanced)
	r.advanced = now
	if !r.playing {
		return
	}
	r.at = r.at.Add(time.Duration(float64(passed) * r.speed))
	if !r.at.Before(r.to) {
		r.at, r.playing = r.to, false
	}
}

// extend takes in that the run goes on while it is replayed.
func (r *replay) extend(c view.Canary) {
	if from, to, ok := rewind.Span(c); ok && from.Equal(r.from) {
		r.to, r.moments = to, rewind.Moments(c)
	}
}

// redrawPast shows the moment at which a replay is.
func (m *model) redrawPast() {
	if r := m.detail.replay; r != nil {
		m.show(rewind.At(m.detail.present, r.at))
	}
}

// Now implements Playback.
func (r *replay) Now() time.Time { return r.at }

// Span implements Playback.
func (r *replay) Span() (from, to time.Time) { return r.from, r.to }

// Playing implements Playback.
func (r *replay) Playing() bool { return r.playing }

// Speed implements Playback.
func (r *replay) Speed() float64 { return r.speed }

// Play implements Playback; at the end it begins anew.
func (r *replay) Play() {
	if !r.at.Before(r.to) {
		r.at = r.from
	}
	r.playing = true
}

// Pause implements Playback.
func (r *replay) Pause() { r.playing = false }

// SetSpeed implements Playback.
func (r *replay) SetSpeed(s float64) { r.speed = s }

// Seek implements Playback.
func (r *replay) Seek(t time.Time) {
	if t.Before(r.from) {
		t = r.from
	}
	if t.After(r.to) {
		t = r.to
	}
	r.at = t
}

// The speeds that the keys go through.
const slowest, fastest = 0.25, 4096

// control carries out the commands of a replay.
func (m *model) control(id commandID) {
	p := m.replaying()
	if p == nil {
		return
	}
	switch id { //nolint:exhaustive // the others mean nothing here
	case cmdPlay:
		if p.Playing() {
			p.Pause()
		} else {
			if r := m.detail.replay; r != nil {
				r.advanced = m.clock
			}
			p.Play()
		}
	case cmdSlower:
		p.SetSpeed(max(slowest, p.Speed()/2))
	case cmdFaster:
		p.SetSpeed(min(fastest, p.Speed()*2))
	}
	m.tell()
	m.redrawPast()
}

// seek goes to a moment of a replay, and stays there.
func (m *model) seek(t time.Time) {
	if p := m.replaying(); p != nil {
		p.Pause()
		p.Seek(t)
		m.tell()
		m.redrawPast()
	}
}

// toMoment goes to the next moment at which something happened, or to the one before.
func (m *model) toMoment(direction int) {
	p := m.replaying()
	if p == nil {
		return
	}
	from, to := p.Span()
	now, best := p.Now(), to
	if direction < 0 {
		best = from
	}
	for _, moment := range m.moments() {
		switch t := moment.Time; {
		case direction > 0 && t.After(now) && t.Before(best), direction < 0 && t.Before(now) && t.After(best):
			best = t
		}
	}
	m.seek(best)
}

// moments of what is replayed, for the keys and the bar.
func (m *model) moments() []rewind.Moment {
	if r := m.detail.replay; r != nil && m.screen == inDetail {
		return r.moments
	}
	if m.screen == inFleet {
		return nil
	}
	return m.detail.moments
}

// markOf is how a moment is drawn on the time line.
func markOf(k rewind.Kind) timeline.Kind {
	switch k {
	case rewind.KindStep:
		return timeline.MarkWeight
	case rewind.KindGate, rewind.KindVerb:
		return timeline.MarkAction
	case rewind.KindFailed, rewind.KindNoData:
		return timeline.MarkFailed
	case rewind.KindPromotion, rewind.KindSucceeded:
		return timeline.MarkPromotion
	case rewind.KindEnded:
		return timeline.MarkRolledBack
	case rewind.KindEvent, rewind.KindStart, rewind.KindHook:
	}
	return timeline.MarkOther
}

// timelineBar is the time line of a replay; nil without one.
func (m *model) timelineBar() *timeline.Bar {
	p := m.replaying()
	if p == nil {
		return nil
	}
	b := &timeline.Bar{At: p.Now(), Playing: p.Playing(), Speed: p.Speed()}
	b.From, b.To = p.Span()
	for _, moment := range m.moments() {
		b.Marks = append(b.Marks, timeline.Mark{Time: moment.Time, Kind: markOf(moment.Kind), Text: moment.Text})
	}
	return b
}

// toEnd goes to the beginning or the end of a replay, or of the events.
func (m *model) toEnd(id commandID) {
	p := m.replaying()
	all := len(m.detail.canary.Events)
	switch {
	case p != nil && id == cmdTop:
		from, _ := p.Span()
		m.seek(from)
	case p != nil:
		_, to := p.Span()
		m.seek(to)
	case id == cmdTop:
		m.scroll(-all)
	default:
		m.scroll(all)
	}
}
