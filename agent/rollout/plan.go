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
	// SetFinalizer adds the finalizer of revertOnDeletion to the Canary, or removes it.
	SetFinalizer struct{ Present bool }
	// EnsureServices creates or repairs <apex>-canary and <apex>-primary.
	EnsureServices struct{}
	// EnsureApex creates the apex Service or points it to the primary; with the provider
	// kubernetes, to the side that the status says.
	EnsureApex struct{}
	// CopyToPrimary makes the primary run the target's template. It fails without a write when
	// the target's generation is no longer the given one, or its configs are no longer those of
	// the revision.
	CopyToPrimary struct {
		Revision   string
		Generation int64
		// RunID marks the primary's pod template, so that a new value rolls its pods.
		RunID string
		// Replicas the primary gets if it has none, or after a run.
		Replicas int32
	}
	// AdoptPrimary marks a primary that another controller made with the revision that it was
	// found to run. No pod is restarted.
	AdoptPrimary struct{ Revision string }
	// RestorePrimary makes the primary run again what its own history has for a revision.
	RestorePrimary struct{ Revision, RunID string }
	// SetRoute gives the canary a share of the traffic, in percent, or copies of it, and repairs
	// everything else about the route. Everyone: see Route.
	SetRoute struct {
		Canary           int32
		Mirror, Everyone bool
	}
	// Release points the apex Service to the target and the route to the apex Service, and lets
	// both outlive the Canary.
	Release struct{}
	// ScaleTarget sets the number of the canary's pods.
	ScaleTarget struct{ Replicas int32 }
	// EnsureScaler creates or repairs the primary's autoscaler, with at least Floor replicas.
	EnsureScaler struct{ Floor int32 }
	// PauseScaler pauses the target's autoscaler, or lets it go on.
	PauseScaler struct{ Pause bool }
	// RunCheck evaluates all metrics once. Starting it again while it runs, or while its result
	// is known, does nothing.
	RunCheck struct{ ID string }
	// CallHook calls one webhook. Starting it again while it runs, or while its result is known,
	// does nothing unless Again is set, which is for hooks that are polled.
	CallHook struct {
		ID    string
		Name  string
		Type  v1beta1.HookType
		Phase v1beta1.CanaryPhase
		Again bool
	}
)

func (SetFinalizer) effect()   {}
func (EnsureServices) effect() {}
func (EnsureApex) effect()     {}
func (CopyToPrimary) effect()  {}
func (AdoptPrimary) effect()   {}
func (RestorePrimary) effect() {}
func (SetRoute) effect()       {}
func (Release) effect()        {}
func (ScaleTarget) effect()    {}
func (EnsureScaler) effect()   {}
func (PauseScaler) effect()    {}
func (RunCheck) effect()       {}
func (CallHook) effect()       {}

func (e SetFinalizer) String() string   { return fmt.Sprintf("SetFinalizer(%t)", e.Present) }
func (EnsureServices) String() string   { return "EnsureServices" }
func (EnsureApex) String() string       { return "EnsureApex" }
func (e CopyToPrimary) String() string  { return "CopyToPrimary(" + e.Revision + ")" }
func (e AdoptPrimary) String() string   { return "AdoptPrimary(" + e.Revision + ")" }
func (e RestorePrimary) String() string { return "RestorePrimary(" + e.Revision + ")" }
func (Release) String() string          { return "Release" }
func (e ScaleTarget) String() string    { return fmt.Sprintf("ScaleTarget(%d)", e.Replicas) }
func (e EnsureScaler) String() string   { return fmt.Sprintf("EnsureScaler(%d)", e.Floor) }
func (e PauseScaler) String() string    { return fmt.Sprintf("PauseScaler(%t)", e.Pause) }
func (e RunCheck) String() string       { return "RunCheck(" + e.ID + ")" }
func (e CallHook) String() string       { return "CallHook(" + e.ID + ")" }

func (e SetRoute) String() string {
	switch {
	case e.Mirror:
		return fmt.Sprintf("SetRoute(%d, mirrored)", e.Canary)
	case e.Everyone:
		return fmt.Sprintf("SetRoute(%d, everyone)", e.Canary)
	}
	return fmt.Sprintf("SetRoute(%d)", e.Canary)
}

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
	// Alert is what the alert providers are told besides; nil for nothing.
	Alert *Alert
}

// Alert is a message for chats.
type Alert struct {
	// Severity decides which providers get it.
	Severity v1beta1.AlertSeverity
	// Text follows the patterns of the contract.
	Text string
	// Fields: the settings of the canary are listed too.
	Fields bool
}
