//go:build linux

package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// visitor is a browser: it keeps the cookies that it gets.
type visitor struct {
	mu     sync.Mutex
	visits []visit
}

// visit is one request of a visitor.
type visit struct {
	sent, answered time.Time
	status         int
	version        string
	cookies        []*http.Cookie
	err            error
}

// visitors come n at a time, each ten times a second.
func (s *scene) visitors(n int) []*visitor {
	s.Helper()
	gateway := strings.TrimPrefix(s.cluster.GatewayURL, "http://") + ":80"
	all := make([]*visitor, n)
	for i := range all {
		jar, err := cookiejar.New(nil)
		if err != nil {
			s.Fatal(err)
		}
		transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, gateway)
		}}
		s.Cleanup(transport.CloseIdleConnections)
		all[i] = &visitor{}
		go all[i].come(s.ctx, &http.Client{Transport: transport, Jar: jar, Timeout: 5 * time.Second}, "http://"+s.app.Host()+"/")
	}
	return all
}

func (v *visitor) come(ctx context.Context, client *http.Client, url string) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		one := visit{sent: time.Now(), err: err}
		if err == nil {
			var resp *http.Response
			if resp, one.err = client.Do(req); one.err == nil {
				one.status, one.version, one.cookies = resp.StatusCode, resp.Header.Get(load.VersionHeader), resp.Cookies()
				_, one.err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		one.answered = time.Now()
		if ctx.Err() != nil {
			return
		}
		v.mu.Lock()
		v.visits = append(v.visits, one)
		v.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (v *visitor) all() []visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]visit(nil), v.visits...)
}

// given lists the visits at which a cookie was set, or taken away.
func given(visits []visit, name string, taken bool) (at []int) {
	for i, one := range visits {
		for _, cookie := range one.cookies {
			if cookie.Name == name && (cookie.MaxAge < 0) == taken {
				at = append(at, i)
			}
		}
	}
	return at
}

const (
	canaryCookie  = "to-canary"
	primaryCookie = "to-primary"
)

// TestSessionAffinity sends visitors who keep their cookies: one who got to the canary stays there
// for the rest of the run, with one cookie, also when the agent is killed; one who got to the
// primary stays there for the step; and after the run the cookie is taken away and everybody is on
// the primary.
func TestSessionAffinity(t *testing.T) {
	s := rehearse(t, stage.App{Provider: "gatewayapi:v1", Interval: "4s", Edit: edits(
		steps(int64(30), int64(60)), func(spec map[string]any) {
			analysisOf(spec)["sessionAffinity"] = map[string]any{
				"cookieName": canaryCookie, "primaryCookieName": primaryCookie, "maxAge": int64(600),
			}
		})})
	if err := s.app.WaitServing(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	visitors := s.visitors(12)
	s.release("python-2")
	first := s.until("30 %", atWeight(30))
	cookie := first.Canary.Status.SessionAffinityCookie
	if !strings.HasPrefix(cookie, canaryCookie+"=") || !strings.HasPrefix(first.Canary.Status.PrimarySessionAffinityCookie, primaryCookie+"=") {
		t.Errorf("cookies %q and %q", cookie, first.Canary.Status.PrimarySessionAffinityCookie)
	}
	s.eventually("a visitor with a cookie", func() error { return anyAssigned(visitors) })
	s.killAgent()
	// A pod that is killed again and again is held back from restarting, longer each time.
	t.Cleanup(func() { freshAgent(t, s.cluster) })
	second := s.until("60 %", atWeight(60))
	if now := second.Canary.Status.SessionAffinityCookie; now != cookie {
		t.Errorf("the cookie is %q after the kill, was %q: clients are drawn anew", now, cookie)
	}
	if second.Canary.Status.PrimarySessionAffinityCookie == first.Canary.Status.PrimarySessionAffinityCookie {
		t.Error("the primary's cookie is the same in the next step, so nobody is drawn anew")
	}
	promoting := s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	ended := s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	s.eventually("the cookies to be taken away", func() error { return allTaken(visitors) })
	s.pass(settle)
	if st := s.record.Last().Status; st.SessionAffinityCookie != "" || st.PreviousSessionAffinityCookie != cookie {
		t.Errorf("cookies %q, previous %q after the run, want none and %q", st.SessionAffinityCookie, st.PreviousSessionAffinityCookie, cookie)
	}
	_, value, _ := strings.Cut(cookie, "=")
	firstStep, allSteps := 0, 0
	for i, v := range visitors {
		visits := v.all()
		for _, one := range visits {
			if one.err != nil || one.status != http.StatusOK {
				t.Errorf("visitor %d: status %d: %v", i, one.status, one.err)
			}
		}
		assigned := given(visits, canaryCookie, false)
		if len(assigned) == 0 {
			continue
		}
		allSteps++
		if visits[assigned[0]].sent.Before(second.At) {
			firstStep++
		}
		s.stays(i, visits, assigned, value, promoting.At)
		if taken := given(visits, canaryCookie, true); len(taken) != 1 || visits[taken[0]].sent.Before(promoting.At) {
			t.Errorf("visitor %d: the cookie was taken away %d times, want once, after the run", i, len(taken))
		}
		for _, one := range visits[assigned[0]:] {
			if one.sent.After(ended.At.Add(settle)) && (one.version != "python-2" || len(given([]visit{one}, canaryCookie, false)) > 0) {
				t.Errorf("visitor %d after the run: version %s, cookies %v", i, one.version, one.cookies)
			}
		}
	}
	t.Logf("of %d visitors %d were on the canary in the first step and %d in the second", len(visitors), firstStep, allSteps)
	if firstStep == 0 || firstStep == len(visitors) || allSteps <= firstStep {
		t.Error("want some in the first step and more in the second")
	}
	s.staysOnPrimary(visitors, first.At, second.At)
	s.oneRun()
}

// stays asserts that a visitor was assigned once, with the value of the run, and then was on the
// canary for the rest of the run.
func (s *scene) stays(who int, visits []visit, assigned []int, value string, until time.Time) {
	s.Helper()
	if len(assigned) != 1 {
		s.Errorf("visitor %d was assigned %d times", who, len(assigned))
	}
	for _, cookie := range visits[assigned[0]].cookies {
		if cookie.Name == canaryCookie && (cookie.Value != value || cookie.MaxAge != 600) {
			s.Errorf("visitor %d got %s, want value %s for 600 s", who, cookie, value)
		}
	}
	for _, one := range visits[assigned[0]:] {
		if one.answered.Before(until) && one.version != "python-2" {
			s.Errorf("visitor %d left the canary: %s answered at %s", who, one.version, one.sent.Format("15:04:05.000"))
		}
	}
}

// staysOnPrimary asserts that visitors who got the primary's cookie in a step were on the primary
// as long as it is valid, which is an interval.
func (s *scene) staysOnPrimary(visitors []*visitor, from, to time.Time) {
	s.Helper()
	kept := 0
	for i, v := range visitors {
		visits := v.all()
		for _, at := range given(visits, primaryCookie, false) {
			if visits[at].sent.Before(from) || visits[at].sent.After(to) {
				continue
			}
			kept++
			expiry := visits[at].answered.Add(3 * time.Second)
			for _, one := range visits[at+1:] {
				if one.answered.Before(expiry) && one.answered.Before(to) && one.version != "python-1" {
					s.Errorf("visitor %d left the primary for %s within the step", i, one.version)
				}
			}
		}
	}
	if kept == 0 {
		s.Error("nobody got the primary's cookie")
	}
}

// freshAgent replaces the agent's pod by one that was never restarted.
func freshAgent(t *testing.T, c *testbed.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, replicas := range []int{0, 1} {
		if err := stage.ScaleAgent(ctx, c, replicas); err != nil {
			t.Error(err)
		}
	}
}

var (
	errNobody = errors.New("nobody has the canary's cookie")
	errKept   = errors.New("somebody still has the cookie")
)

func anyAssigned(visitors []*visitor) error {
	for _, v := range visitors {
		if len(given(v.all(), canaryCookie, false)) > 0 {
			return nil
		}
	}
	return errNobody
}

func allTaken(visitors []*visitor) error {
	for _, v := range visitors {
		visits := v.all()
		if len(given(visits, canaryCookie, false)) > 0 && len(given(visits, canaryCookie, true)) == 0 {
			return errKept
		}
	}
	return nil
}
