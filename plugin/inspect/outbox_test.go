package inspect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// TestOutbox: the first line at once, then what comes within a moment together.
func TestOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b, out := newOutbox(), make(chan source.Chunk)
		ended := make(chan struct{})
		go func() {
			b.run(ctx, out)
			close(ended)
		}()
		want := func(replace bool, lines, note string) {
			t.Helper()
			c := <-out
			if c.Replace != replace || strings.Join(c.Lines, " ") != lines || c.Note != note {
				t.Errorf("have %+v, want %v %q %q", c, replace, lines, note)
			}
		}
		begun := time.Now()
		b.put(ctx, post{lines: []string{"a"}})
		want(false, "a", "")
		if time.Since(begun) != 0 {
			t.Error("the first line has to wait")
		}
		for _, s := range []string{"b", "c"} {
			b.put(ctx, post{lines: []string{s}})
		}
		b.put(ctx, post{noted: true, label: "primary", note: "no rights"})
		b.put(ctx, post{noted: true, label: "agent", note: "gone"})
		b.put(ctx, post{noted: true, label: "canary", note: "no rights"})
		b.put(ctx, post{noted: true, note: "stale"})
		want(false, "b c", "stale; agent: gone; canary, primary: no rights")
		if time.Since(begun) != gap {
			t.Errorf("the second chunk came after %s", time.Since(begun))
		}
		b.put(ctx, post{lines: []string{"d"}})
		b.put(ctx, post{replace: true, lines: []string{"e"}, forget: true})
		b.put(ctx, post{lines: []string{"f"}})
		want(true, "e f", "stale")
		b.put(ctx, post{noted: true, note: "stale"}) // nothing new
		b.put(ctx, post{noted: true})
		want(false, "", "")

		// Nobody reads: those who write have to wait, and are let go at the end.
		b.put(ctx, post{lines: make([]string, mostLines)})
		written := make(chan bool, 1)
		go func() { written <- b.put(ctx, post{lines: []string{"too many"}}) }()
		synctest.Wait()
		if len(written) > 0 {
			t.Error("the box has no bottom")
		}
		cancel()
		if <-written {
			t.Error("written after the end")
		}
		<-ended
	})
}

// TestOutboxEnd hands out what waits before it ends.
func TestOutboxEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, out := newOutbox(), make(chan source.Chunk, 9)
		go func() {
			b.put(t.Context(), post{lines: []string{"a"}})
			b.put(t.Context(), post{noted: true, note: "cannot"})
			b.end(t.Context())
		}()
		b.run(t.Context(), out)
		close(out)
		var last source.Chunk
		for c := range out {
			last = c
		}
		if last.Note != "cannot" {
			t.Errorf("the last chunk is %+v", last)
		}
	})
}

func TestCause(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for want, err := range map[string]error{
		"connection refused":     &url.Error{Op: "Get", URL: "https://somewhere/long", Err: refused},
		"nowhere: no such host":  &url.Error{Op: "Get", Err: &net.OpError{Err: &net.DNSError{Name: "nowhere", Err: "no such host"}}},
		"no answer in time":      &url.Error{Op: "Get", Err: context.DeadlineExceeded},
		"EOF":                    &url.Error{Op: "Get", Err: errors.New("EOF")},
		strings.Repeat("x", 200): errors.New(strings.Repeat("x", 1000)),
	} {
		if have := cause(err); have != want {
			t.Errorf("have %q, want %q", have, want)
		}
	}
}

// TestMissingRight reads the words of the real API server.
func TestMissingRight(t *testing.T) {
	forbidden := func(words string) error {
		return fmt.Errorf("cannot x: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New(words)))
	}
	for words, want := range map[string]string{
		`User "ada" cannot get resource "pods/log" in API group "" in the namespace "shop"`:                   `you may not get pods/log in namespace "shop"; a RoleBinding to ClusterRole canary-viewer there gives it`,
		`User "ada" cannot watch resource "canaries" in API group "flagger.app" in the namespace "shop": why`: `you may not watch canaries in namespace "shop"; a RoleBinding to ClusterRole canary-viewer there gives it`,
		`User "ada" cannot list resource "pods" in API group "" at the cluster scope`:                         `you may not list pods in namespace "test"; a RoleBinding to ClusterRole canary-viewer there gives it`,
		"because": "",
	} {
		if have, ok := missingRight(forbidden(words), "test"); have != want || ok != (want != "") {
			t.Errorf("%s\nhave %s", words, have)
		}
	}
	odd := apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "get", schema.GroupResource{}, "", `cannot get resource "pods"`, 0, true)
	if _, ok := missingRight(odd, "test"); ok {
		t.Error("not every answer is about rights")
	}
}

func TestTable(t *testing.T) {
	if have := table(nil, noon); len(have) != 0 {
		t.Errorf("%q", have)
	}
	long := strings.Repeat("n", 2*widestColumn)
	have := table([]*corev1.Event{
		{Reason: " two\n words ", InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: long}, Message: " m ", Series: &corev1.EventSeries{Count: 7}},
		{Type: "Warning", Reason: "R", InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "x"}},
	}, noon)
	want := []string{
		"-  -        two words  pod/" + long + "  m (x7)",
		"-  Warning  R          pod/x" + strings.Repeat(" ", widestColumn-5) + "  ",
	}
	for i := range want {
		if have[i] != want[i] {
			t.Errorf("have %q\nwant %q", have[i], want[i])
		}
	}
}
