package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// script is a source that reports what it is told to, and nothing else.
type script struct {
	fleet, detail chan source.Update
}

func newScript() *script {
	return &script{fleet: make(chan source.Update), detail: make(chan source.Update)}
}

func (s *script) Fleet(context.Context) <-chan source.Update                  { return s.fleet }
func (s *script) Detail(context.Context, string, string) <-chan source.Update { return s.detail }

// able is a script with all that a source can have.
type able struct {
	*script
	live chan source.Update
}

func (a *able) Live(context.Context, string, string) <-chan source.Update { return a.live }

func (a *able) Inspect(context.Context, source.Subject, string, string) <-chan source.Chunk {
	return closedChannel(source.Chunk{Lines: []string{"kind: Canary"}})
}

func (a *able) Refusals(context.Context, string, string) (map[string]string, error) {
	return map[string]string{"abort": "ask for the role"}, nil
}

// named is a canary by name, with something that differs.
func named(name string, weight int32) view.Canary {
	c := scene.Of("progressing")
	c.Name, c.Weight = name, weight
	return c
}

func read(t *testing.T, data []byte) *Recording {
	t.Helper()
	rec, err := Read(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, data)
	}
	return rec
}

// same compares a view to what came back of it: without verbs, and by the instants of its times.
func same(t *testing.T, got, want view.Canary) {
	t.Helper()
	got.Verbs, want.Verbs = nil, nil
	a, err := marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

func TestRecordAndRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		r := New(&file, Header{Context: "prod\x1b[31m", Namespace: "test", Program: "v1.2.3"})
		src := &able{newScript(), make(chan source.Update)}
		tee := r.Wrap(src)
		fleet, detail := tee.Fleet(t.Context()), tee.Detail(t.Context(), "test", "a")
		live := tee.Live(t.Context(), "test", "a")
		pass := func(in chan<- source.Update, out <-chan source.Update, u source.Update) {
			t.Helper()
			in <- u
			if got := <-out; !reflect.DeepEqual(got, u) {
				t.Errorf("%T came out as %T", u, got)
			}
		}
		start := time.Now()
		pass(src.fleet, fleet, source.Canary{View: named("a", 10)})
		pass(src.fleet, fleet, source.Canary{View: named("b", 0)})
		pass(src.fleet, fleet, source.Synced{})
		time.Sleep(time.Second)
		detailed := named("a", 20)
		pass(src.detail, detail, source.Canary{View: detailed})
		pass(src.fleet, fleet, source.Canary{View: named("a", 20)})
		pass(src.fleet, fleet, source.Canary{View: named("a", 20)}) // Again: no line.
		time.Sleep(time.Second)
		pass(src.fleet, fleet, source.Alive{At: time.Now()})
		pass(src.fleet, fleet, source.Alive{At: time.Now()}) // Too soon: no line.
		pass(src.live, live, source.Live{Namespace: "test", Name: "a", At: time.Now(), Values: []source.Value{{Metric: "m", Canary: new(1.5)}}, Note: "n"})
		r.Action(Action{Namespace: "test", Name: "a", Verb: "abort", Accepted: true, Message: "aborted"})
		r.Action(Action{Namespace: "test", Name: "a", Verb: "pause", Err: errors.New("no agent answered")})
		time.Sleep(time.Second)
		pass(src.fleet, fleet, source.Gone{Namespace: "test", Name: "b"})
		pass(src.fleet, fleet, source.Stale{Since: start.Add(2 * time.Second), Err: errors.New("connection refused")})
		pass(src.detail, detail, source.Stale{})
		time.Sleep(time.Second)
		pass(src.fleet, fleet, source.Fresh{})
		pass(src.detail, detail, source.Failed{Err: errors.New("forbidden")})
		close(src.fleet)
		close(src.detail)
		close(src.live)
		if _, ok := <-fleet; ok {
			t.Error("the fleet goes on after its end")
		}
		synctest.Wait()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(file.String(), `"kind":"canary"`); n != 4 {
			t.Errorf("%d lines of canaries, want 4", n)
		}

		rec := read(t, file.Bytes())
		if h := rec.Header; h.Context != "prod^[[31m" || h.Program != "v1.2.3" || !rec.Start().Equal(start) {
			t.Errorf("header %+v", h)
		}
		if got := rec.End().Sub(rec.Start()); got != 4*time.Second {
			t.Errorf("the recording is %s long", got)
		}
		want := [][2]string{{"test", "a"}, {"test", "b"}}
		if got := rec.Canaries(); !reflect.DeepEqual(got, want) {
			t.Errorf("canaries %v", got)
		}
		actions := rec.Actions()
		if len(actions) != 2 || actions[0].Verb != "abort" || !actions[0].Accepted || !actions[0].Time.Equal(start.Add(2*time.Second)) ||
			actions[1].Err == nil || actions[1].Err.Error() != "no agent answered" {
			t.Errorf("actions %+v", actions)
		}

		text := func(updates []source.Update) string {
			var words []string
			for _, u := range updates {
				words = append(words, strings.TrimPrefix(fmt.Sprintf("%T", u), "source."))
			}
			return strings.Join(words, " ")
		}
		for _, c := range []struct {
			after         time.Duration
			fleet, detail string
		}{
			{0, "Canary Canary Synced Alive", "Canary Alive"},
			{time.Second, "Canary Canary Synced Alive", "Canary Alive"},
			{3 * time.Second, "Canary Synced Stale", "Canary Stale"},
			{4 * time.Second, "Canary Synced Alive", "Canary Stale"},
			{time.Hour, "Canary Synced Alive", "Canary Stale"},
			{-time.Second, "", ""},
		} {
			if got := text(rec.Fleet(start.Add(c.after))); got != c.fleet {
				t.Errorf("fleet after %s: %s, want %s", c.after, got, c.fleet)
			}
			if got := text(rec.Detail(start.Add(c.after), "test", "a")); got != c.detail {
				t.Errorf("detail after %s: %s, want %s", c.after, got, c.detail)
			}
		}
		same(t, rec.Detail(start.Add(time.Second), "test", "a")[0].(source.Canary).View, detailed)
		same(t, rec.Fleet(start.Add(time.Second))[1].(source.Canary).View, named("a", 20))
		before := rec.Detail(start, "test", "a")[0].(source.Canary).View
		same(t, before, named("a", 10))
		for _, v := range before.Verbs {
			if v.Enabled || v.Reason != Replayed {
				t.Errorf("verb %+v in a replay", v)
			}
		}
		if got := text(rec.Detail(start.Add(3*time.Second), "test", "b")); got != "Canary Gone Synced Stale" {
			t.Errorf("the deleted canary: %s", got)
		}
		stale := rec.Fleet(start.Add(3 * time.Second))[2].(source.Stale)
		if stale.Err.Error() != "connection refused" || !stale.Since.Equal(start.Add(2*time.Second)) {
			t.Errorf("%+v", stale)
		}
		var all []string
		for at, u := range rec.Updates("", "") {
			all = append(all, fmt.Sprintf("%d%T", at.Sub(start)/time.Second, u))
		}
		if got := strings.ReplaceAll(strings.Join(all, " "), "source.", ""); got != "0Canary 0Canary 0Synced 1Canary 2Alive 3Gone 3Stale 4Fresh" {
			t.Errorf("updates %s", got)
		}
	})
}

// A source without the optional abilities says so in words, and refuses nothing.
func TestTeeWithoutAbilities(t *testing.T) {
	tee := New(io.Discard, Header{}).Wrap(newScript())
	u, open := (<-tee.Live(t.Context(), "test", "a")).(source.Live)
	if !open || u.Note == "" {
		t.Errorf("live says %+v", u)
	}
	if chunk := <-tee.Inspect(t.Context(), source.SubjectYAML, "test", "a"); chunk.Note == "" {
		t.Error("no note says that there is no manifest")
	}
	if refusals, err := tee.Refusals(t.Context(), "test", "a"); err != nil || len(refusals) > 0 {
		t.Errorf("refusals %v, %v", refusals, err)
	}
	with := New(io.Discard, Header{}).Wrap(&able{newScript(), nil})
	if chunk := <-with.Inspect(t.Context(), source.SubjectYAML, "test", "a"); len(chunk.Lines) != 1 {
		t.Errorf("the manifest came as %+v", chunk)
	}
	if refusals, _ := with.Refusals(t.Context(), "test", "a"); refusals["abort"] == "" {
		t.Error("the refusal of abort was lost")
	}
}

// Leaving a screen must end the relay even when the source below is silent.
func TestTeeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		r := New(&file, Header{})
		ctx, cancel := context.WithCancel(t.Context())
		out := r.Wrap(newScript()).Detail(ctx, "test", "a")
		cancel()
		if _, ok := <-out; ok {
			t.Error("an update came out of a silent source")
		}
		synctest.Wait()
		if err := r.Close(); err != nil || !strings.Contains(file.String(), `"kind":"closed"`) {
			t.Errorf("%v: %s", err, file.String())
		}
	})
}

func TestFlushesEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file locked
		r := New(&file, Header{})
		r.Action(Action{Verb: "pause"})
		time.Sleep(flushAfter - time.Millisecond)
		synctest.Wait()
		if n := file.lines(); n != 0 {
			t.Errorf("%d lines were not gathered", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := file.lines(); n != 2 {
			t.Errorf("%d lines after a second, want 2", n)
		}
		r.Action(Action{Verb: "resume"})
		if err := r.Close(); err != nil || file.lines() != 3 {
			t.Errorf("Close: %v, %d lines", err, file.lines())
		}
	})
}

type locked struct {
	mu  sync.Mutex
	b   bytes.Buffer
	err error
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	return l.b.Write(p)
}

func (l *locked) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte("\n"))
}

// A full disk ends the recording and nothing else.
func TestWriteErrorStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		r := New(&locked{err: full}, Header{})
		src := newScript()
		out := r.Wrap(src).Fleet(t.Context())
		for i := range 5 {
			src.fleet <- source.Canary{View: named("a", int32(i))}
			if _, ok := <-out; !ok {
				t.Fatal("the screen got nothing more")
			}
			time.Sleep(2 * flushAfter)
		}
		close(src.fleet)
		if err := r.Err(); !errors.Is(err, full) {
			t.Errorf("Err says %v", err)
		}
		if err := r.Close(); !errors.Is(err, full) {
			t.Errorf("Close says %v", err)
		}
		if err := r.Close(); !errors.Is(err, full) {
			t.Errorf("closing again says %v", err)
		}
	})
}

// A disk that hangs must not hold the screen up, nor take all memory.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := New(writer(func(p []byte) (int, error) { <-release; return len(p), nil }), Header{})
		time.Sleep(2 * flushAfter) // The flush hangs from here on.
		big := strings.Repeat("x", 1<<20)
		for range 2 + mostPending>>20 {
			r.Action(Action{Message: big})
		}
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), "disk") {
			t.Errorf("Err says %v", err)
		}
		close(release)
		synctest.Wait()
		_ = r.Close()
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestCreate(t *testing.T) {
	for _, name := range []string{"run.jsonl", "run.jsonl.gz"} {
		path := filepath.Join(t.TempDir(), name)
		write := func(overwrite bool) error {
			r, err := Create(path, overwrite, Header{Name: "app"})
			if err != nil {
				return err
			}
			r.Action(Action{Verb: "pause"})
			return r.Close()
		}
		if err := write(false); err != nil {
			t.Fatal(err)
		}
		if err := write(false); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "exists") {
			t.Errorf("an existing file: %v", err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := write(true); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		rec, err := Open(path)
		if err != nil || rec.Header.Name != "app" || len(rec.Actions()) != 1 {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "none", "x"), true, Header{}); err == nil {
		t.Error("a folder that does not exist was taken")
	}
}

// quarter is a quarter of an hour of one canary: a change every four seconds, a run every two minutes,
// events that repeat.
func quarter(u func(view.Canary)) {
	run := scene.NewRun(scene.Epoch)
	for i := range 225 {
		now := scene.Epoch.Add(time.Duration(i) * 4 * time.Second)
		c := run.At(now, 1)
		if !c.Active() {
			run = scene.NewRun(now)
			c = run.At(now, 1)
		}
		// The last hour's events, one of which happens again every half a minute and moves to the end.
		for n := i / 8; n < i/8+60; n++ {
			c.Events = append(c.Events, view.Event{
				Type: "Warning", Reason: "CheckFailed", Count: int32(1 + n/40), Time: scene.Epoch.Add(time.Duration(n-60) * 30 * time.Second),
				Message: fmt.Sprintf("Halt app.test advancement external check number %d failed", n%40),
			})
		}
		u(c)
	}
}

// An hour in which something changes every four seconds stays below two megabytes, and so a quarter of
// one below half a megabyte.
func TestHourIsSmall(t *testing.T) {
	var file bytes.Buffer
	r := New(&file, Header{})
	var last view.Canary
	whole := 0
	quarter(func(c view.Canary) {
		data, _ := marshal(c)
		whole += len(data)
		r.update(channel{fromDetail, "test", "app"}, source.Canary{View: c})
		last = c
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kB; %d kB without patches", file.Len()>>10, whole>>10)
	if file.Len() > 512<<10 {
		t.Errorf("the recording has %d kB", file.Len()>>10)
	}
	rec := read(t, file.Bytes())
	same(t, rec.Detail(rec.End(), "test", "app")[0].(source.Canary).View, last)
}

// A thousand canaries that change twice, without events and pods.
func TestThousandCanaries(t *testing.T) {
	var file bytes.Buffer
	r := New(&file, Header{})
	for round := range 2 {
		for i := range 1000 {
			c := named(fmt.Sprintf("app-%d", i), int32(round))
			c.Pods, c.Events = nil, nil
			r.update(channel{from: fromFleet}, source.Canary{View: c})
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kB", file.Len()>>10)
	if file.Len() > 16<<20 {
		t.Errorf("the recording has %d kB", file.Len()>>10)
	}
	rec := read(t, file.Bytes())
	if got := len(rec.Fleet(rec.End())); got != 1001 { // and the age
		t.Errorf("%d updates", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := New(io.Discard, Header{})
	from := channel{fromDetail, "test", "app"}
	one, two := scene.Of("progressing"), scene.Of("progressing")
	two.Weight++
	for i := 0; b.Loop(); i++ {
		c := one
		if i%2 == 0 {
			c = two
		}
		r.update(from, source.Canary{View: c})
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}
