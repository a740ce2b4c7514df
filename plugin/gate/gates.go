package gate

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Type tells gates apart by who keeps them.
type Type string

const (
	// Native is a gate of spec.analysis.gates: the agent keeps it, in the status of the canary.
	Native Type = "native"
	// LoadTester is a webhook that asks a load tester's gate.
	LoadTester Type = "loadtester"
	// Webhook is any other webhook that confirms something.
	Webhook Type = "webhook"
)

// States of a gate besides those of native ones, which are Waiting, Approved, Rejected and TimedOut.
const (
	// Open and Closed are what a load tester said, or always says.
	Open   = "Open"
	Closed = "Closed"
	// Passed is a webhook that has let the run pass; of a rollback hook, that it has ended the run.
	Passed = "Passed"
	// Waiting is a gate that the run waits at.
	Waiting = "Waiting"
	// Unknown is a load tester that could not be asked.
	Unknown = "Unknown"
)

// Gate is one gate of one canary.
type Gate struct {
	Namespace string `json:"namespace"`
	Canary    string `json:"canary"`
	Name      string `json:"name"`
	Type      Type   `json:"type"`
	// HookType is the type of the webhook, such as confirm-promotion; empty for native gates.
	HookType string `json:"hookType,omitempty"`
	// At is rollout, traffic or promotion: what is held. At rollback nothing is held; a run is
	// ended when the gate is opened.
	At string `json:"at"`
	// State is one of the constants above; empty when the gate has not been reached.
	State string `json:"state,omitempty"`
	// Since is when a gate that waits was reached, or the webhook was last asked.
	Since time.Time `json:"since,omitzero"`
	// Deadline is when a native gate that waits times out; zero for never.
	Deadline time.Time `json:"deadline,omitzero"`
	// By is who approved or rejected.
	By string `json:"by,omitempty"`
	// URL of the webhook, without a password.
	URL string `json:"url,omitempty"`
	// Command opens the gate; empty when it cannot be opened from here, or not now.
	Command string `json:"command,omitempty"`

	tester *tester
}

// ID is how to name the gate when the name alone is ambiguous.
func (g *Gate) ID() string {
	if g.Type == Native {
		return string(Native) + "/" + g.Name
	}
	return g.HookType + "/" + g.Name
}

// changeable says whether open and close make sense.
func (g *Gate) changeable(close bool) bool {
	if g.Type == Native {
		return !close
	}
	return g.tester != nil && g.tester.changeable()
}

// describe is the gate in a list of several.
func (g *Gate) describe() string {
	words := fmt.Sprintf("%s (%s, at %s", g.ID(), g.Type, g.At)
	if g.State != "" {
		words += ", " + g.State
	}
	return words + ")"
}

var points = map[v1beta1.HookType]string{
	v1beta1.HookConfirmRollout:         string(v1beta1.GateRollout),
	v1beta1.HookConfirmTrafficIncrease: string(v1beta1.GateTraffic),
	v1beta1.HookConfirmPromotion:       string(v1beta1.GatePromotion),
	v1beta1.HookRollback:               "rollback",
}

// gatesOf lists the gates of a canary: its own first, then webhooks in the order of the spec.
func gatesOf(c *v1beta1.Canary, v view.Canary) []Gate {
	var out []Gate
	for _, g := range v.Gates {
		gate := Gate{
			Namespace: v.Namespace, Canary: v.Name, Name: g.Name, Type: Native, At: g.At,
			State: g.State, Since: g.Since, Deadline: g.Deadline, By: g.By,
		}
		if g.State == Waiting {
			gate.Command = v.ApproveCommand(g)
		}
		out = append(out, gate)
	}
	for i, hook := range c.GetAnalysis().Webhooks {
		at, holds := points[hook.Type]
		if !holds {
			continue
		}
		gate := Gate{
			Namespace: v.Namespace, Canary: v.Name, Name: hook.Name, Type: Webhook,
			HookType: string(hook.Type), At: at, URL: redacted(hook.URL),
		}
		gate.recorded(v, v.Hooks[i])
		if t, ok := parseTester(hook.URL); ok {
			gate.Type, gate.tester = LoadTester, &t
			switch t.endpoint {
			case "approve":
				gate.State = Open
			case "halt":
				gate.State = Closed
			default:
				name := gate.Name
				if !unique(c, v, name) {
					name = gate.ID()
				}
				gate.Command = fmt.Sprintf("kubectl canary gate open %s %s -n %s", word(v.Name), word(name), word(v.Namespace))
			}
		}
		out = append(out, gate)
	}
	waitedFor(out, v)
	return out
}

// unique is whether a name is enough to name a gate.
func unique(c *v1beta1.Canary, v view.Canary, name string) bool {
	n := 0
	for _, g := range v.Gates {
		if g.Name == name {
			n++
		}
	}
	for _, hook := range c.GetAnalysis().Webhooks {
		if _, holds := points[hook.Type]; holds && hook.Name == name {
			n++
		}
	}
	return n == 1
}

// recorded takes over what the status says of the webhook in a run that is under way.
func (g *Gate) recorded(v view.Canary, h view.Hook) {
	if !v.Active() {
		return
	}
	switch v1beta1.HookState(h.State) {
	case v1beta1.HookPassed:
		g.State, g.Since = Passed, h.LastTime
	case v1beta1.HookFailed:
		if g.HookType != string(v1beta1.HookRollback) { // Nobody wants a rollback: the usual case.
			g.State, g.Since = Waiting, h.LastTime
		}
	default:
	}
}

// waitedFor marks the gate that a phase of waiting is about, when no record says so: there is none
// before the first answer, nor ever with another controller. Webhooks are asked in their order.
func waitedFor(gates []Gate, v view.Canary) {
	at := map[string]string{
		string(v1beta1.PhaseWaiting):          string(v1beta1.GateRollout),
		string(v1beta1.PhaseWaitingPromotion): string(v1beta1.GatePromotion),
	}[v.Phase]
	for i := range gates {
		g := &gates[i]
		switch {
		case at == "" || g.At != at || g.State == Passed:
		case g.Type == Native && g.State != Waiting:
		case g.State == Waiting:
			return
		case g.tester == nil || g.tester.endpoint != "approve":
			if g.State == "" {
				g.State = Waiting
			}
			g.Since = v.LastTransition
			return
		}
	}
}

func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Redacted()
}

// word quotes what a shell would not take as it is: the names of webhooks may be any text.
func word(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
