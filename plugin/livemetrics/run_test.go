package livemetrics

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// quick is the pause between rounds here.
const quick = 5 * time.Millisecond

func (s *stand) run(ctx context.Context) <-chan source.Update {
	return s.meter.Run(ctx, "test", "app", quick)
}

// phase puts the canary in a phase.
func (s *stand) phase(phase string) {
	s.Put(s.t, strings.Replace(canary, "phase: Progressing", "phase: "+phase, 1))
}

// next is the next update; ok is false when the channel is closed.
func (s *stand) next(updates <-chan source.Update) (live source.Live, ok bool) {
	s.t.Helper()
	select {
	case u, open := <-updates:
		if !open {
			return source.Live{}, false
		}
		live, isLive := u.(source.Live)
		if !isLive {
			s.t.Fatalf("update %T", u)
		}
		return live, true
	case <-time.After(10 * time.Second):
		s.t.Fatal("nothing came")
	}
	return source.Live{}, false
}

func (s *stand) asked() int { return len(s.prometheus.questions()) }

// Only a run under way is measured.
func TestRunWhileARunIsUnderWay(t *testing.T) {
	s := newStand(t)
	s.phase("Succeeded")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	updates := s.run(ctx)
	select {
	case u := <-updates:
		t.Fatalf("have %+v while no run is under way", u)
	case <-time.After(20 * quick):
	}
	if s.asked() != 0 {
		t.Fatal("asked while no run was under way")
	}
	s.phase("Progressing")
	for range 3 {
		if live, ok := s.next(updates); !ok || len(live.Values) != 5 || live.Note != "" {
			t.Fatalf("have %+v, %v", live, ok)
		}
	}
	s.phase("Succeeded")
	// What is under way may still come; then it is quiet.
	for quiet := false; !quiet; {
		select {
		case <-updates:
		case <-time.After(20 * quick):
			quiet = true
		}
	}
	before := s.asked()
	select {
	case u := <-updates:
		t.Errorf("have %+v after the run", u)
	case <-time.After(20 * quick):
	}
	if s.asked() != before {
		t.Error("asked after the run")
	}
	s.phase("Progressing")
	if live, ok := s.next(updates); !ok || len(live.Values) != 5 {
		t.Errorf("the next run: have %+v, %v", live, ok)
	}
	cancel()
	for range updates {
		continue // Until it is closed.
	}
}

// A definite refusal is said once, and ends it.
func TestRunEndsWhenRefused(t *testing.T) {
	s := newStand(t, canary)
	s.Deny("get", "services/proxy")
	updates := s.run(t.Context())
	live, ok := s.next(updates)
	if !ok || len(live.Values) != 0 || !strings.Contains(live.Note, "you may not use services/proxy in namespace monitoring") {
		t.Errorf("have %+v, %v", live, ok)
	}
	if live, ok := s.next(updates); ok {
		t.Errorf("have %+v after that", live)
	}
}

func TestRunEndsWhenTheCanaryIsHidden(t *testing.T) {
	s := newStand(t, canary)
	s.Deny("list", "canaries")
	updates := s.run(t.Context())
	if live, ok := s.next(updates); !ok || !strings.Contains(live.Note, "cannot watch canary app") {
		t.Errorf("have %+v, %v", live, ok)
	}
	if live, ok := s.next(updates); ok {
		t.Errorf("have %+v after that", live)
	}
}

// What is refused for some servers only does not end it.
func TestRunGoesOnWithWhatIsAllowed(t *testing.T) {
	s := newStand(t, canary)
	s.template("prometheus.monitoring.svc.cluster.local", "another.monitoring")
	updates := s.run(t.Context())
	for range 2 {
		live, ok := s.next(updates)
		if !ok || len(live.Values) != 3 || live.Note != "live values: latency, both: there is no Service another in namespace monitoring" {
			t.Fatalf("have %+v, %v", live, ok)
		}
	}
}

// There is one round at once, however slow the server is.
func TestOneRoundAtOnce(t *testing.T) {
	s := newStand(t, canary)
	var now, most atomic.Int32
	answer := s.Proxy
	s.Proxy = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		<-time.After(4 * quick) // Longer than the pause between rounds.
		answer.ServeHTTP(w, r)
	})
	updates := s.run(t.Context())
	for range 3 {
		s.next(updates)
	}
	if most.Load() > lanes {
		t.Errorf("%d queries at once, want at most %d", most.Load(), lanes)
	}
}

// A change of the spec counts from the next round on.
func TestRunSeesChanges(t *testing.T) {
	s := newStand(t, canary)
	updates := s.run(t.Context())
	s.next(updates)
	s.Put(t, strings.Replace(edited(rate, ""), "generation: 1", "generation: 2", 1))
	for {
		live, ok := s.next(updates)
		if !ok {
			t.Fatal("it ended")
		}
		if len(live.Values) == 1 {
			break
		}
	}
}

// A server that comes back is asked again.
func TestRunRecovers(t *testing.T) {
	s := newStand(t, canary)
	var back atomic.Bool
	s.Proxy = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if back.Load() {
			s.prometheus.ServeHTTP(w, r)
			return
		}
		status(503, "away").ServeHTTP(w, r)
	})
	updates := s.run(t.Context())
	if live, ok := s.next(updates); !ok || len(live.Values) != 0 || !strings.Contains(live.Note, "answered 503 Service Unavailable: away") {
		t.Errorf("have %+v, %v", live, ok)
	}
	back.Store(true)
	for {
		live, ok := s.next(updates)
		if !ok {
			t.Fatal("it ended")
		}
		if len(live.Values) == 5 {
			break
		}
	}
}

func TestPauses(t *testing.T) {
	l := &loop{every: DefaultEvery}
	var have []time.Duration
	for _, answered := range []bool{true, false, false, false, false, false, true, false} {
		have = append(have, l.pauseAfter(outcome{answered: answered}))
	}
	want := []time.Duration{5, 10, 20, 40, 60, 60, 5, 10}
	for i := range want {
		if have[i] != want[i]*time.Second {
			t.Fatalf("pauses %v, want %v seconds", have, want)
		}
	}
	if slow := (&loop{every: 2 * time.Minute}).pauseAfter(outcome{}); slow != 2*time.Minute {
		t.Errorf("pause %s after a failure, want no less than without", slow)
	}
}

// hanging is a transport that never answers.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func hangingMeter(t *testing.T) *Meter {
	t.Helper()
	m, err := New(Options{Config: &rest.Config{Host: "http://hanging.test", QPS: -1, Transport: hanging{}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hangingMeter(t)
		begun := time.Now()
		live := m.Measure(t.Context(), read(t, edited(`{name: errors, query: "up"}`, "metricsServer: http://prometheus.monitoring:9090")))
		if took := time.Since(begun); took != patience || live.Note != "live values: Service prometheus in namespace monitoring did not answer within 3s" {
			t.Errorf("after %s: %+v", took, live)
		}
		begun = time.Now()
		many := `{name: errors, query: "a{{ target }}"}` + strings.Repeat("\n    - {name: errors, query: \"a{{ target }}\"}", 20)
		live = m.Measure(t.Context(), read(t, edited(many, "metricsServer: http://prometheus.monitoring:9090")))
		if took := time.Since(begun); took != roundPatience || !strings.Contains(live.Note, "the queries before took all the time") {
			t.Errorf("after %s: %+v", took, live)
		}
	})
}
