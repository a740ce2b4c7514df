package tui

import (
	"context"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Request is one operator verb on one canary.
type Request struct {
	Namespace, Name string
	// Verb is one of the names in [view.Canary.Verbs].
	Verb string
	// Revision the operator saw when confirming, so that a verb never hits another run.
	Revision string
	// Gate that approve and reject are about.
	Gate string
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
	// Do sends the request about a canary as it was seen and waits for the agent's answer. An error
	// means that it could not be sent or that no answer came; the caller's context ends when the
	// screen is left.
	Do(ctx context.Context, seen view.Canary, r Request) (Outcome, error)
}

// Playback controls a recording that is played. Its clock is the screen's.
type Playback interface {
	// Now is the position; Span is the first and the last moment there is.
	Now() time.Time
	Span() (from, to time.Time)
	Playing() bool
	// Speed is 1 for real time.
	Speed() float64
	Play()
	Pause()
	SetSpeed(float64)
	Seek(time.Time)
}

// Foresight is a Playback that knows how a canary ends, so that the time line can show what is to
// come.
type Foresight interface {
	Last(namespace, name string) (c view.Canary, ok bool)
}

// answerMsg is the end of an action.
type answerMsg struct {
	id        int
	verb      string
	key, name string // of the canary
	outcome   Outcome
	err       error
}

// rightsMsg says what the user may not do with a canary.
type rightsMsg struct {
	key      string
	refusals map[string]string
	err      error
}

// tickMsg repaints while something counts.
type tickMsg struct{}

// armedMsg repaints a dialog whose grace period may have ended.
type armedMsg struct{}

func clean(err error) string { return view.Clean(err.Error()) }
