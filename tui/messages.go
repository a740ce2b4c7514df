package tui

import (
	"context"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Update is what a source tells the screen: a [CanaryMsg], [StaleMsg] or [GoneMsg].
type Update interface{ update() }

// CanaryMsg is the newest state of the canary. It also ends a stale period.
type CanaryMsg struct{ Canary view.Canary }

// StaleMsg says that the connection is lost and what is on the screen is old.
type StaleMsg struct {
	// Since is when the last good answer came.
	Since time.Time
	// Err is the cause.
	Err error
}

// GoneMsg says that the canary was deleted.
type GoneMsg struct{}

func (CanaryMsg) update() {}
func (StaleMsg) update()  {}
func (GoneMsg) update()   {}

// Request is one operator verb.
type Request struct {
	// Verb is one of the names in [view.Canary.Verbs].
	Verb string
	// Revision the operator saw when confirming, so that a verb never hits another run.
	Revision string
	// Reason is free text for the record.
	Reason string
}

// Outcome is the agent's answer to a request.
type Outcome struct {
	Accepted bool
	// Message says what was done, or why nothing was.
	Message string
}

// Actions carries out operator verbs.
type Actions interface {
	// Do sends the request and waits for the agent's answer. An error means that it could not be
	// sent or that no answer came; the caller's context ends when the screen is left.
	Do(ctx context.Context, r Request) (Outcome, error)
}

// answerMsg is the end of an action.
type answerMsg struct {
	id      int
	verb    string
	outcome Outcome
	err     error
}

// tickMsg repaints while something counts.
type tickMsg struct{}

// armedMsg repaints a dialog whose grace period may have ended.
type armedMsg struct{}
