package webhook

import (
	"maps"
	"strconv"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Payload is what an endpoint is sent.
type Payload struct {
	// ID names the call, and is the same for every attempt at it. It is sent as Idempotency-Key.
	ID string `json:"-"`
	// Name of the Canary.
	Name string `json:"name"`
	// Namespace of the Canary.
	Namespace string `json:"namespace"`
	// Phase of the Canary; which one is up to the type of the hook.
	Phase v1beta1.CanaryPhase `json:"phase"`
	// Checksum stands for the revision and its configuration.
	Checksum string `json:"checksum"`
	// Metadata is sent together with that of the hook, and has precedence.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// EventType is the type of an event of Kubernetes.
type EventType string

const (
	// EventNormal is for information.
	EventNormal EventType = "Normal"
	// EventWarning is for warnings and errors.
	EventWarning EventType = "Warning"
)

// EventPayload is the payload for a hook of type event. The id names the event.
func EventPayload(c *v1beta1.Canary, id, checksum string, t EventType, message string, at time.Time) Payload {
	return Payload{
		ID:        id,
		Name:      c.Name,
		Namespace: c.Namespace,
		Phase:     c.Status.Phase,
		Checksum:  checksum,
		Metadata: map[string]string{
			"eventMessage": message,
			"eventType":    string(t),
			"timestamp":    strconv.FormatInt(at.UnixMilli(), 10),
		},
	}
}

// with adds the metadata of the hook. Both maps stay as they are: they are shared.
func (p Payload) with(hook v1beta1.CanaryWebhook) Payload {
	all := make(map[string]string, len(hook.Metadata)+len(p.Metadata))
	maps.Copy(all, hook.Metadata)
	maps.Copy(all, p.Metadata)
	p.Metadata = all
	return p
}
