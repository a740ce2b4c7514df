package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Plan is what is to be done.
type Plan struct {
	// Status to be written before anything else, if it differs from the one observed.
	Status v1beta1.CanaryStatus
	// Effects to be carried out in order after the status is written; the first error ends them.
	Effects []Effect
	// Messages to be sent after the status is written.
	Messages []Message
	// WakeAt is when to decide again if nothing happens before; zero for never.
	WakeAt time.Time
}

// Effect is one thing to be done. Each is idempotent: carrying it out twice is as good as once.
type Effect interface {
	// String is for logs, metrics and the model's traces.
	String() string
	effect()
}

type (
	// EnsureServices creates or repairs <apex>-canary and <apex>-primary.
	EnsureServices struct{}
	// EnsureApex creates the apex Service or points it to the primary.
	EnsureApex struct{}
	// CopyToPrimary makes the primary run the target's template. It fails without a write when
	// the target's generation is no longer the given one.
	CopyToPrimary struct {
		Revision   string
		Generation int64
		// RunID marks the primary's pod template, so that a new value rolls its pods.
		RunID string
		// Replicas the primary gets if it has none, or after a run.
		Replicas int32
	}
	// SetRoute gives the canary a share of the traffic, in percent, and repairs everything else
	// about the route.
	SetRoute struct{ Canary int32 }
	// ScaleTarget sets the number of the canary's pods.
	ScaleTarget struct{ Replicas int32 }
	// RunCheck evaluates all metrics once. Starting it again while it runs, or while its result
	// is known, does nothing.
	RunCheck struct{ ID string }
	// CallHook calls one webhook. Starting it again while it runs, or while its result is known,
	// does nothing unless Again is set, which is for gates that are polled.
	CallHook struct {
		ID    string
		Name  string
		Type  v1beta1.HookType
		Phase v1beta1.CanaryPhase
		Again bool
	}
)

func (EnsureServices) effect() {}
func (EnsureApex) effect()     {}
func (CopyToPrimary) effect()  {}
func (SetRoute) effect()       {}
func (ScaleTarget) effect()    {}
func (RunCheck) effect()       {}
func (CallHook) effect()       {}

func (EnsureServices) String() string  { return "EnsureServices" }
func (EnsureApex) String() string      { return "EnsureApex" }
func (e CopyToPrimary) String() string { return "CopyToPrimary(" + e.Revision + ")" }
func (e SetRoute) String() string      { return fmt.Sprintf("SetRoute(%d)", e.Canary) }
func (e ScaleTarget) String() string   { return fmt.Sprintf("ScaleTarget(%d)", e.Replicas) }
func (e RunCheck) String() string      { return "RunCheck(" + e.ID + ")" }
func (e CallHook) String() string      { return "CallHook(" + e.ID + ")" }

// Severity of a message.
type Severity int

const (
	// Info is a Normal event.
	Info Severity = iota
	// Warning is a Warning event.
	Warning
	// Error is a Warning event, and an alert of severity error.
	Error
)

// Message is for people: a Kubernetes event, a log line, a call of the event hooks.
type Message struct {
	Severity Severity
	// Reason is one CamelCase word, the same for all messages of a kind and different from kind
	// to kind, so that Kubernetes does not fold unlike events into one.
	Reason string
	// Text follows the patterns of the contract.
	Text string
	// Key is the same for the same message after a crash, and different for different ones.
	Key string
}
