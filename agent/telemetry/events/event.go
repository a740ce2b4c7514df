package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Component is the source of all events.
const Component = "canary-agent"

const (
	// MaxMessage is the length of a message in bytes, beyond which it is cut.
	MaxMessage = 1024
	// maxReason is what the API admits.
	maxReason = 128
	// maxName is the length of an object name.
	maxName = 253
)

// Severity of an event.
type Severity int

const (
	// Info is a Normal event, logged at level info.
	Info Severity = iota
	// Warning is a Warning event, logged at level info, as in the contract.
	Warning
	// Error is a Warning event, logged at level error.
	Error
)

// Event is one message about a canary.
type Event struct {
	// Object is the canary; see ReferenceTo.
	Object   corev1.ObjectReference
	Severity Severity
	// Reason is one CamelCase word.
	Reason  string
	Message string
	// Key is the same whenever the same event is recorded, also after a restart, and different for
	// different events of the object. Without a key the event is taken to be unlike any other.
	Key string
	// Time of the event; now when zero.
	Time time.Time
}

// ReferenceTo names a canary in an event. Objects from informers have no apiVersion and kind, so
// these are filled in.
func ReferenceTo(c *v1beta1.Canary) corev1.ObjectReference {
	return corev1.ObjectReference{
		APIVersion:      v1beta1.SchemeGroupVersion.String(),
		Kind:            v1beta1.CanaryKind,
		Namespace:       c.Namespace,
		Name:            c.Name,
		UID:             c.UID,
		ResourceVersion: c.ResourceVersion,
	}
}

// object makes the API object. The instance is the name of this process.
func (e Event) object(instance string) *corev1.Event {
	kind := corev1.EventTypeNormal
	if e.Severity != Info {
		kind = corev1.EventTypeWarning
	}
	at := metav1.NewTime(e.Time)
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: e.Object.Namespace,
			Name:      e.name(),
		},
		InvolvedObject:      e.Object,
		Type:                kind,
		Reason:              truncate(clean(e.Reason), maxReason),
		Message:             truncate(clean(e.Message), MaxMessage),
		Source:              corev1.EventSource{Component: Component},
		ReportingController: Component,
		ReportingInstance:   instance,
		FirstTimestamp:      at,
		LastTimestamp:       at,
		Count:               1,
	}
}

// name is <canary>.<hash>. The uid is part of the hash, so that a canary that was deleted and
// created anew has events of its own.
func (e Event) name() string {
	key := e.Key
	if key == "" {
		key = strings.Join([]string{e.Reason, e.Message, e.Time.UTC().Format(time.RFC3339Nano)}, "\x00")
	}
	sum := sha256.Sum256([]byte(string(e.Object.UID) + "\x00" + key))
	suffix := "." + hex.EncodeToString(sum[:8])
	prefix := e.Object.Name
	if len(prefix)+len(suffix) > maxName {
		prefix = strings.TrimRight(prefix[:maxName-len(suffix)], ".-")
	}
	return prefix + suffix
}

// clean removes what could play tricks on a terminal: control characters, and those that change
// the direction of writing. White space becomes a single space.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// truncate cuts at the end of a character and says so by an ellipsis.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const ellipsis = "…"
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
