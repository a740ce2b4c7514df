package recording

import (
	"encoding/json"
	"math"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	apiVersion = "kubectl-canary/v1"
	kindHeader = "Recording"
)

// Header is the first line of a recording: what was looked at, and with what.
type Header struct {
	// Started is when the recording began; all other times count from it.
	Started time.Time `json:"started"`
	// Context of the kubeconfig.
	Context string `json:"context,omitempty"`
	// Namespace and Name that were asked for; empty for all.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Scope says in words what was asked for, such as a label selector.
	Scope string `json:"scope,omitempty"`
	// Program is the version that wrote the file.
	Program string `json:"program,omitempty"`
}

// headerLine is a Header as it stands in the file.
type headerLine struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Header
}

// cleaned makes the texts of a file, which anybody may have written, safe for a terminal.
func (h Header) cleaned() Header {
	for _, s := range []*string{&h.Context, &h.Namespace, &h.Name, &h.Scope, &h.Program} {
		*s = view.Clean(*s)
	}
	return h
}

// Action is an operator verb and what became of it.
type Action struct {
	// Time of the answer; the recorder fills it in.
	Time            time.Time
	Namespace, Name string
	// Verb is one of the names in [view.Canary.Verbs].
	Verb string
	// Accepted and Message are the agent's answer.
	Accepted bool
	Message  string
	// Err says why there was no answer; nil when there was one. After replay it is plain text.
	Err error
}

// The kinds of lines.
const (
	kindCanary = "canary"
	kindGone   = "gone"
	kindStale  = "stale"
	kindFresh  = "fresh"
	kindSynced = "synced"
	kindFailed = "failed"
	kindAlive  = "alive"
	kindLive   = "live"
	kindOpened = "opened"
	kindClosed = "closed"
	kindAction = "action"
)

// The channels of a source.
const (
	fromFleet  = "fleet"
	fromDetail = "detail"
	fromLive   = "live"
)

// line is one update as it stands in the file.
type line struct {
	MS        int64           `json:"ms"`
	From      string          `json:"from,omitempty"`
	Kind      string          `json:"kind"`
	Namespace string          `json:"namespace,omitempty"`
	Name      string          `json:"name,omitempty"`
	View      json.RawMessage `json:"view,omitempty"`
	Patch     json.RawMessage `json:"patch,omitempty"`
	Since     time.Time       `json:"since,omitzero"`
	Error     string          `json:"error,omitempty"`
	Time      time.Time       `json:"time,omitzero"`
	Values    []value         `json:"values,omitempty"`
	Note      string          `json:"note,omitempty"`
	Verb      string          `json:"verb,omitempty"`
	Accepted  bool            `json:"accepted,omitempty"`
	Message   string          `json:"message,omitempty"`
}

// value is one metric, measured live; without data the fields are absent.
type value struct {
	Metric  string   `json:"metric"`
	Canary  *float64 `json:"canary,omitempty"`
	Primary *float64 `json:"primary,omitempty"`
}

func valuesOf(in []source.Value) []value {
	out := make([]value, 0, len(in))
	for _, v := range in {
		out = append(out, value{Metric: v.Metric, Canary: finite(v.Canary), Primary: finite(v.Primary)})
	}
	return out
}

// finite leaves out what JSON has no number for.
func finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

// writable is the time, or zero for one that JSON does not have.
func writable(t time.Time) time.Time {
	if t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
