package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
)

// TestGotchaH3BothWordsForWarning proves that warning is no other word for info, in any case, and that a
// level that is not known is refused and not taken for one.
func TestGotchaH3BothWordsForWarning(t *testing.T) {
	for _, name := range []string{"warn", "warning", "WARNING", "Warn"} {
		level, err := telemetry.ParseLevel(name)
		if err != nil || level != slog.LevelWarn {
			t.Errorf("%s: %v, %v", name, level, err)
		}
	}
	for _, name := range []string{"", "warnings", "trace", "2"} {
		if level, err := telemetry.ParseLevel(name); err == nil {
			t.Errorf("%q is %v", name, level)
		}
	}
}

// TestGotchaH4ProbesTellTheTruth proves that /healthz fails when a pass is stuck, and /readyz when the
// agent is not of use, each without the other.
func TestGotchaH4ProbesTellTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var filled atomic.Bool
		dog := telemetry.NewWatchdog(time.Minute)
		server := &telemetry.Server{
			Log:  slog.New(slog.DiscardHandler),
			Live: []telemetry.Check{dog.Check("passes")},
			Ready: []telemetry.Check{{Name: "caches", Probe: func(context.Context) error {
				if !filled.Load() {
					return context.DeadlineExceeded
				}
				return nil
			}}},
		}
		expect := func(when string, live, ready int) {
			t.Helper()
			for path, want := range map[string]int{"/healthz": live, "/readyz": ready} {
				w := httptest.NewRecorder()
				server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				if w.Code != want {
					t.Errorf("%s: %s answers %d, want %d: %s", when, path, w.Code, want, w.Body)
				}
			}
		}
		expect("at the start", 200, 503)
		filled.Store(true)
		expect("filled", 200, 200)
		done := dog.Start("test/app")
		time.Sleep(59 * time.Second)
		expect("a slow pass", 200, 200)
		time.Sleep(2 * time.Second)
		expect("a stuck pass", 503, 200)
		dog.Start("test/other")()
		expect("others go on", 503, 200)
		done()
		expect("it has ended after all", 200, 200)
	})
}
