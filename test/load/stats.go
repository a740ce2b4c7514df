package load

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Sample is one request.
type Sample struct {
	Time    time.Time     // when it was due
	Status  int           // HTTP status, 0 if none came
	Version string        // which version answered, if it said so
	Latency time.Duration // from due to the end of the answer
	Err     error         // what went wrong below HTTP
}

// Failed reports whether a user would have seen an error: none or a broken
// answer, or a server's error.
func (s Sample) Failed() bool { return s.Err != nil || s.Status == 0 || s.Status >= 500 }

func (s Sample) String() string {
	cause := fmt.Sprintf("status %d", s.Status)
	if s.Err != nil {
		cause = s.Err.Error()
	}
	return fmt.Sprintf("%s after %v, version %q: %s", s.Time.Format("15:04:05.000"), s.Latency.Round(time.Millisecond), s.Version, cause)
}

// Stats counts samples.
type Stats struct {
	Total     int
	Failures  int // see Sample.Failed
	Errors    int // the failures without an HTTP status
	ByVersion map[string]int
	ByStatus  map[int]int
	// FailuresByVersion counts the failures of the answers that said which version they are of.
	FailuresByVersion map[string]int
	// P50, P99 and Max are latencies. They are zero in totals.
	P50, P99, Max time.Duration
}

func newStats() Stats {
	return Stats{ByVersion: map[string]int{}, ByStatus: map[int]int{}, FailuresByVersion: map[string]int{}}
}

func (s *Stats) add(sample Sample) {
	s.Total++
	if sample.Failed() {
		s.Failures++
	}
	if sample.Err != nil {
		s.Errors++
	}
	if sample.Version != "" {
		s.ByVersion[sample.Version]++
		if sample.Failed() {
			s.FailuresByVersion[sample.Version]++
		}
	}
	if sample.Status != 0 {
		s.ByStatus[sample.Status]++
	}
}

// Share is the part of all requests that the version answered, from 0 to 1.
func (s Stats) Share(version string) float64 {
	if s.Total == 0 {
		return 0
	}
	return float64(s.ByVersion[version]) / float64(s.Total)
}

func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d failed, p50 %v, p99 %v, max %v;", s.Total, s.Failures,
		s.P50.Round(time.Millisecond), s.P99.Round(time.Millisecond), s.Max.Round(time.Millisecond))
	for _, v := range slices.Sorted(maps.Keys(s.ByVersion)) {
		fmt.Fprintf(&b, " %s %.1f%%", v, 100*s.Share(v))
	}
	return b.String()
}

func (g *Generator) record(s Sample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.totals.add(s)
	if len(g.ring) < g.cfg.Keep {
		g.ring = append(g.ring, s)
	} else {
		g.ring[g.next] = s
		g.next = (g.next + 1) % len(g.ring)
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// Stats counts every request since the start, also those whose sample is not
// kept any more. It has no latencies.
func (g *Generator) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.totals
	s.ByVersion, s.ByStatus = maps.Clone(s.ByVersion), maps.Clone(s.ByStatus)
	s.FailuresByVersion = maps.Clone(s.FailuresByVersion)
	return s
}

// Samples returns the kept samples that were due at t or later and before end,
// in the order in which they were answered. A zero end is now.
func (g *Generator) Samples(t, end time.Time) []Sample {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Sample
	for i := range g.ring {
		s := g.ring[(g.next+i)%len(g.ring)]
		if !s.Time.Before(t) && (end.IsZero() || s.Time.Before(end)) {
			list = append(list, s)
		}
	}
	return list
}

// Since counts the requests that were due at t or later.
func (g *Generator) Since(t time.Time) Stats { return g.Window(t, time.Time{}) }

// Window counts the requests that were due at t or later and before end.
func (g *Generator) Window(t, end time.Time) Stats {
	s := newStats()
	var latencies []time.Duration
	for _, sample := range g.Samples(t, end) {
		s.add(sample)
		latencies = append(latencies, sample.Latency)
	}
	if n := len(latencies); n > 0 {
		slices.Sort(latencies)
		s.P50, s.P99, s.Max = latencies[(n-1)/2], latencies[(n-1)*99/100], latencies[n-1]
	}
	return s
}

// Failures lists the failed requests that are kept, oldest first.
func (g *Generator) Failures() []Sample {
	return slices.DeleteFunc(g.Samples(time.Time{}, time.Time{}), func(s Sample) bool { return !s.Failed() })
}

// minShareSamples is how many requests a window needs to tell a share: below, it
// would say 0 or 1 by chance.
const minShareSamples = 10

// WaitShare waits until the version answers the given share (0 to 1, give or take
// tolerance) of the requests of the last window.
func (g *Generator) WaitShare(ctx context.Context, version string, share, tolerance float64, window time.Duration) error {
	begin := time.Now()
	for {
		g.mu.Lock()
		changed := g.changed
		g.mu.Unlock()
		now := time.Now()
		s := g.Window(now.Add(-window), now)
		// The window has to be full, or the first few requests would decide.
		full := g.Stats().Total >= minShareSamples && s.Total >= minShareSamples && g.coversSince(now.Add(-window))
		if full && math.Abs(s.Share(version)-share) <= tolerance {
			return nil
		}
		select {
		case <-changed:
		case <-g.done:
			return fmt.Errorf("wait for version %q to get %.0f%% of the requests: the generator has stopped; last %v: %v", version, 100*share, window, s)
		case <-ctx.Done():
			return fmt.Errorf("wait for version %q to get %.0f%% ± %.0f%% of the requests: not so after %v; last %v: %v: %w",
				version, 100*share, 100*tolerance, time.Since(begin).Round(time.Millisecond), window, s, ctx.Err())
		}
	}
}

// coversSince reports whether a sample is known that is at least about as old as t.
func (g *Generator) coversSince(t time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ring) == 0 {
		return false
	}
	oldest := g.ring[g.next%len(g.ring)].Time
	return !oldest.After(t.Add(time.Duration(2 / g.cfg.Rate * float64(time.Second))))
}
