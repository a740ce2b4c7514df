package watch

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// screen stands between the cluster and the terminal UI, which knows nothing of clients.
type screen struct {
	sender  intent.Sender
	explain func(err error, doing string) error

	mu     sync.Mutex
	latest view.Canary
}

var _ tui.Actions = (*screen)(nil)

// forward translates updates until the feed ends.
func (s *screen) forward(ctx context.Context, updates <-chan feed.Update, source chan<- tui.Update) {
	defer close(source)
	send := func(u tui.Update) {
		select {
		case source <- u:
		case <-ctx.Done():
		}
	}
	send(tui.CanaryMsg{Canary: s.seen()})
	for update := range updates {
		switch u := update.(type) {
		case feed.Canary:
			s.mu.Lock()
			s.latest = u.View
			s.mu.Unlock()
			send(tui.CanaryMsg{Canary: u.View})
		case feed.Stale:
			send(tui.StaleMsg{Since: u.Since, Err: u.Err})
		case feed.Fresh:
			send(tui.CanaryMsg{Canary: s.seen()})
		case feed.Gone:
			send(tui.GoneMsg{})
		}
	}
}

func (s *screen) seen() view.Canary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// Do implements tui.Actions.
func (s *screen) Do(ctx context.Context, r tui.Request) (tui.Outcome, error) {
	seen := s.seen()
	verb, revision := v1beta1.Verb(r.Verb), ""
	if intent.Revision(verb, seen) != "" {
		// There is one that the agent compares; what the operator saw counts.
		revision = r.Revision
	}
	sent, err := s.sender.Send(ctx, seen, intent.Request{
		Verb: verb, Reason: r.Reason, Revision: revision, FieldManager: cli.FieldManager,
	})
	if denied := intent.Denied(err, verb, seen.Namespace, seen.Name); denied != nil {
		return tui.Outcome{}, denied
	}
	if err != nil {
		return tui.Outcome{}, s.explain(err, r.Verb)
	}
	waiting, cancel := context.WithTimeout(ctx, intent.DefaultTimeout)
	defer cancel()
	answer, err := s.sender.Wait(waiting, sent)
	switch {
	case err != nil && ctx.Err() == nil && waiting.Err() != nil:
		return tui.Outcome{}, fmt.Errorf("no agent answered within %s; is one running?", intent.DefaultTimeout)
	case err != nil:
		return tui.Outcome{}, s.explain(err, "wait for the answer about")
	case answer.Overtaken:
		return tui.Outcome{Message: answer.Message}, nil
	}
	return tui.Outcome{Accepted: answer.Accepted, Message: answer.Message}, nil
}

func themes() string { return strings.Join(theme.Names(), ", ") }
