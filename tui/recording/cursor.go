package recording

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// screen is what a channel is for.
type screen int

const (
	screenFleet screen = iota
	screenDetail
	screenLive
)

// none and unknown stand for an entry: there is none, and what the reader has is not known.
const (
	none    int32 = -1
	unknown int32 = -2
)

// shown is what a reader has of a canary.
type shown struct {
	entry int32
	gone  bool
}

// moment is what a reader has at a time.
type moment struct {
	canaries map[canaryKey]shown
	stale    int32
	live     int32
	alive    int32
	synced   bool
	heard    time.Duration
}

func nothing() moment {
	return moment{canaries: map[canaryKey]shown{}, stale: none, live: none, alive: none}
}

// take carries a moment on by an entry.
func (m *moment) take(e *entry, i int32) {
	if e.kind != kindStale && e.kind != kindFailed {
		m.heard = e.at
	}
	switch e.kind {
	case kindCanary:
		m.canaries[e.key()] = shown{entry: i}
	case kindGone:
		have, ok := m.canaries[e.key()]
		if !ok {
			have.entry = none
		}
		have.gone = true
		m.canaries[e.key()] = have
	case kindStale, kindFailed:
		m.stale = i
	case kindFresh:
		m.stale = none
	case kindSynced:
		m.synced = true
	case kindAlive:
		m.alive = i
	case kindLive:
		m.live = i
	}
}

// change is an update that is due, not decoded yet.
type change struct {
	kind  string
	key   canaryKey
	entry int32
	at    time.Duration
}

// cursor moves along the entries of one channel and knows what its reader has got.
type cursor struct {
	rec      *Recording
	timeline []int32
	screen   screen
	next     int // The entries before it have been taken.
	have     moment
}

func newCursor(r *Recording, timeline []int32, s screen) *cursor {
	return &cursor{rec: r, timeline: timeline, screen: s, have: nothing()}
}

// due is the time of the next entry; ok is false when there is none.
func (c *cursor) due() (at time.Duration, ok bool) {
	if c.next >= len(c.timeline) {
		return 0, false
	}
	return c.rec.entries[c.timeline[c.next]].at, true
}

// all brings a reader who has nothing to a time.
func (c *cursor) all(at time.Duration) []source.Update {
	var out []source.Update
	for _, ch := range c.move(at, true) {
		if u, ok := c.update(ch); ok {
			out = append(out, u)
		}
	}
	return out
}

// move goes to a time, in either direction, and returns what a reader has to be told. A jump also
// tells the age of what is shown.
func (c *cursor) move(at time.Duration, jump bool) []change {
	end := sort.Search(len(c.timeline), func(i int) bool { return c.rec.entries[c.timeline[i]].at > at })
	then, from := nothing(), 0
	if end >= c.next && !jump {
		then, from = c.have, c.next
		then.canaries = maps.Clone(c.have.canaries)
	}
	for _, i := range c.timeline[from:end] {
		then.take(&c.rec.entries[i], i)
	}
	out := c.difference(&c.have, &then, at, jump)
	c.next, c.have = end, then
	return out
}

func (c *cursor) difference(before, after *moment, at time.Duration, jump bool) []change {
	var out []change
	for key, now := range after.canaries {
		was, had := before.canaries[key]
		if !had {
			was.entry = none
		}
		different := now.entry >= 0 && now.entry != was.entry
		switch {
		case now.gone && c.screen == screenFleet:
			different = false
		case !now.gone && was.gone && now.entry >= 0:
			different = true
		}
		if different {
			out = append(out, change{kind: kindCanary, key: key, entry: now.entry})
		}
		if now.gone && (!was.gone || different) && (had || c.screen == screenDetail) {
			out = append(out, change{kind: kindGone, key: key, entry: now.entry})
		}
	}
	for key, was := range before.canaries {
		if _, ok := after.canaries[key]; !ok && !was.gone {
			out = append(out, change{kind: kindGone, key: key, entry: none})
		}
	}
	slices.SortStableFunc(out, func(a, b change) int { return int(a.entry) - int(b.entry) })
	if after.synced && !before.synced {
		out = append(out, change{kind: kindSynced})
	}
	if c.screen == screenLive {
		if after.live != before.live {
			out = append(out, change{kind: kindLive, entry: after.live, at: at})
		}
		return out
	}
	if after.stale < 0 && (jump && len(after.canaries) > 0 || after.alive != before.alive && after.alive >= 0) {
		out = append(out, change{kind: kindAlive, at: after.heard})
	}
	switch {
	case after.stale == before.stale:
	case after.stale >= 0:
		out = append(out, change{kind: kindStale, entry: after.stale})
	default:
		out = append(out, change{kind: kindFresh})
	}
	return out
}

// forget takes back what a reader was to be told and was not.
func (c *cursor) forget(changes []change) {
	for _, ch := range changes {
		switch ch.kind {
		case kindCanary, kindGone:
			c.have.canaries[ch.key] = shown{entry: unknown}
		case kindSynced:
			c.have.synced = false
		case kindStale, kindFresh:
			c.have.stale = unknown
		case kindLive:
			c.have.live = unknown
		}
	}
}

// update decodes a change; it is not ok when the file has nonsense there.
func (c *cursor) update(ch change) (u source.Update, ok bool) {
	start := c.rec.Start()
	switch ch.kind {
	case kindCanary:
		v, ok := c.rec.canary(ch.entry)
		if !ok {
			return nil, false
		}
		// The lines are filed under these names.
		v.Namespace, v.Name = ch.key.namespace, ch.key.name
		for i := range v.Verbs {
			v.Verbs[i].Enabled, v.Verbs[i].Reason = false, Replayed
		}
		if c.screen == screenDetail && c.rec.entries[ch.entry].from == fromFleet {
			notRecorded(&v)
		}
		return source.Canary{View: v}, true
	case kindGone:
		return source.Gone{Namespace: ch.key.namespace, Name: ch.key.name}, true
	case kindSynced:
		return source.Synced{}, true
	case kindFresh:
		return source.Fresh{}, true
	case kindAlive:
		return source.Alive{At: start.Add(ch.at)}, true
	case kindStale:
		return c.stale(&c.rec.entries[ch.entry]), true
	case kindLive:
		return c.live(ch)
	}
	return nil, false
}

// stale also stands for the end of the source, of which a reader would take it that nothing follows:
// but somebody may go back.
func (c *cursor) stale(e *entry) source.Update {
	var l line
	if err := json.Unmarshal(e.data, &l); err != nil { // It could be, when the file was read.
		l.Error = err.Error()
	}
	since := l.Since
	if since.IsZero() {
		since = c.rec.Start().Add(e.at)
	}
	var cause error
	if l.Error != "" {
		cause = errors.New(l.Error)
	}
	return source.Stale{Since: since, Err: cause}
}

func (c *cursor) live(ch change) (source.Update, bool) {
	if ch.entry < 0 { // Nothing had been measured by then.
		first := &c.rec.entries[c.timeline[0]]
		return source.Live{Namespace: first.namespace, Name: first.name, At: c.rec.Start().Add(ch.at)}, true
	}
	e := &c.rec.entries[ch.entry]
	var l line
	if err := json.Unmarshal(e.data, &l); err != nil {
		return nil, false
	}
	out := source.Live{Namespace: e.namespace, Name: e.name, At: l.Time, Note: l.Note}
	for _, v := range l.Values {
		out.Values = append(out.Values, source.Value{Metric: v.Metric, Canary: v.Canary, Primary: v.Primary})
	}
	return out, true
}

// notRecorded says why a canary of the list lacks what a screen of its own shows.
func notRecorded(v *view.Canary) {
	const why = "not recorded at this time: the canary was not open"
	if len(v.Pods) == 0 && v.PodsNote == "" {
		v.PodsNote = why
	}
	if len(v.Events) == 0 && v.EventsNote == "" {
		v.EventsNote = why
	}
}
