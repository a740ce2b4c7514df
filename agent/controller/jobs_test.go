package controller

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func nothing() {}

// TestJobsOnce proves that a job runs once under its id, again only when that is asked for and the
// former call has ended, and that its result is there before anybody is told of it.
func TestJobsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJobs(t.Context(), 4, time.Now)
		var runs atomic.Int32
		hold := make(chan struct{})
		work := func(context.Context) any {
			<-hold
			return runs.Add(1)
		}
		var seen any
		notify := func() { seen = j.of("c")["run/x"].result }
		for range 3 {
			j.start("c", "run/x", false, work, notify)
			j.start("c", "run/x", true, work, notify) // Not while it runs.
		}
		synctest.Wait()
		if got := j.of("c")["run/x"]; got.done || got.result != nil {
			t.Errorf("done before its end: %+v", got)
		}
		close(hold)
		synctest.Wait()
		j.start("c", "run/x", false, work, notify)
		synctest.Wait()
		if got := j.of("c")["run/x"]; !got.done || got.result != int32(1) || seen != int32(1) || got.finishedAt.IsZero() {
			t.Errorf("got %+v, told of %v, after %d runs", got, seen, runs.Load())
		}
		j.start("c", "run/x", true, work, notify)
		synctest.Wait()
		if got := j.of("c")["run/x"]; got.result != int32(2) {
			t.Errorf("asked for again: %+v", got)
		}
	})
}

// TestJobsBounded proves that no more than the given number run at once, and all in the end.
func TestJobsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJobs(t.Context(), 3, time.Now)
		var now, most, total atomic.Int32
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			j.start("canary", "run/"+id, false, func(context.Context) any {
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				total.Add(1)
				return nil
			}, nothing)
		}
		j.wait()
		if most.Load() != 3 || total.Load() != 8 {
			t.Errorf("%d at once and %d in all, want 3 and 8", most.Load(), total.Load())
		}
	})
}

// TestJobsPanic proves that a panic is the result of its job and ends nothing else.
func TestJobsPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJobs(t.Context(), 1, time.Now)
		j.start("a", "run/x", false, func(context.Context) any { panic("boom") }, nothing)
		j.start("b", "run/x", false, func(context.Context) any { return "fine" }, nothing)
		synctest.Wait()
		failure, ok := j.of("a")["run/x"].result.(error)
		if !ok || failure.Error() != "internal error: boom; please report it" {
			t.Errorf("result %v", j.of("a")["run/x"].result)
		}
		if got := j.of("b")["run/x"].result; got != "fine" {
			t.Errorf("the other canary's result is %v", got)
		}
	})
}

// TestJobsKeep proves that results live as long as their run, and that a job of an earlier run that
// is still under way does no harm.
func TestJobsKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJobs(t.Context(), 4, time.Now)
		hold := make(chan struct{})
		quick := func(context.Context) any { return "done" }
		j.start("c", "r-1/check-1", false, quick, nothing)
		j.start("c", "r-1/slow", false, func(context.Context) any { <-hold; return "late" }, nothing)
		j.start("c", "r-10/check-1", false, quick, nothing)
		j.start("other", "r-1/check-1", false, quick, nothing)
		synctest.Wait()
		j.keep("c", "r-10")
		if got := j.of("c"); len(got) != 2 || got["r-10/check-1"].result != "done" || got["r-1/slow"].done {
			t.Errorf("kept %v, want the new run's and the one under way", got)
		}
		close(hold)
		synctest.Wait()
		j.keep("c", "r-10")
		if got := j.of("c"); len(got) != 1 {
			t.Errorf("kept %v, want the new run's", got)
		}
		j.keep("c", "")
		if len(j.byCanary) != 1 || len(j.of("other")) != 1 {
			t.Errorf("left: %v", j.byCanary)
		}
	})
}

// TestJobsShutdown proves that a job interrupted by the shutdown leaves no result, so that the next
// process makes the call anew and does not take it for a failure.
func TestJobsShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		j := newJobs(ctx, 1, time.Now)
		told := false
		wait := func(ctx context.Context) any {
			<-ctx.Done()
			return errors.New("canceled")
		}
		j.start("c", "run/x", false, wait, func() { told = true })
		j.start("c", "run/queued", false, wait, func() { told = true })
		synctest.Wait()
		cancel()
		j.wait()
		for id, got := range j.of("c") {
			if got.done || got.result != nil {
				t.Errorf("%s: %+v", id, got)
			}
		}
		if told {
			t.Error("somebody was told of an interrupted job")
		}
	})
}
