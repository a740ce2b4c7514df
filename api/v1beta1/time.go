package v1beta1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Time is the timestamp of the API, with whole seconds on the wire.
type Time = metav1.Time

// MicroTime is the timestamp of the API with microseconds on the wire.
type MicroTime = metav1.MicroTime

// NewTime converts to the timestamp of the API.
func NewTime(t time.Time) Time { return metav1.NewTime(t) }

// NewMicroTime converts to the timestamp of the API.
func NewMicroTime(t time.Time) MicroTime { return metav1.NewMicroTime(t) }

// ConditionStatus is True, False or Unknown.
type ConditionStatus = metav1.ConditionStatus
