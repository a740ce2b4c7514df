// Package source is what the screens know of a cluster: updates that arrive over channels. The
// plugin implements it with watches, a recording with a file, tests with slices.
package source

import (
	"context"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Update is what a source reports: [Canary], [Gone], [Stale], [Fresh], [Synced], [Failed], [Alive]
// or [Live].
type Update interface{ update() }

// Canary is the newest state of one canary.
type Canary struct{ View view.Canary }

// Gone says that a canary was deleted.
type Gone struct{ Namespace, Name string }

// Stale says that the connection is lost and what was reported before is old.
type Stale struct {
	// Since is when the last good answer came.
	Since time.Time
	// Err is the cause.
	Err error
}

// Fresh ends Stale.
type Fresh struct{}

// Synced says that everything that existed at the start has been reported.
type Synced struct{}

// Failed says that the source has ended for good, and why. It is the last update.
type Failed struct{ Err error }

// Alive says that the server was heard from, though nothing has changed.
type Alive struct{ At time.Time }

// Live holds values that were measured between two checks, for display only: no verdict rests on
// them.
type Live struct {
	Namespace, Name string
	At              time.Time
	Values          []Value
	// Note says why there are none, or not all.
	Note string
}

// Value is one metric, measured live.
type Value struct {
	// Metric is the name as in the Canary.
	Metric string
	// Canary and Primary are nil where there was no data.
	Canary, Primary *float64
}

func (Canary) update() {}
func (Gone) update()   {}
func (Stale) update()  {}
func (Fresh) update()  {}
func (Synced) update() {}
func (Failed) update() {}
func (Alive) update()  {}
func (Live) update()   {}

// Source opens what a screen shows. Its methods return at once, do no work in the caller's
// goroutine, and close their channel when ctx ends or after Failed.
type Source interface {
	// Fleet reports all canaries of the scope, without pods and events.
	Fleet(ctx context.Context) <-chan Update
	// Detail reports one canary, with pods and events.
	Detail(ctx context.Context, namespace, name string) <-chan Update
}

// LiveMeter is a Source that can measure between checks. The channel reports Live only.
type LiveMeter interface {
	Live(ctx context.Context, namespace, name string) <-chan Update
}

// Subject is a text that a screen can show about a canary.
type Subject string

const (
	// SubjectYAML is the manifest with its status, as the API server has it.
	SubjectYAML Subject = "yaml"
	// SubjectEvents are the events of the canary and of everything that it owns.
	SubjectEvents Subject = "events"
	// SubjectLogs are the lines of the agent about the canary and those of its pods.
	SubjectLogs Subject = "logs"
)

// Chunk is a piece of a text.
type Chunk struct {
	// Replace takes the place of everything before; otherwise Lines are added at the end.
	Replace bool
	// Lines as the cluster has them; the screen cleans them.
	Lines []string
	// Note says in a few words what is wrong with the text, such as a lost connection; empty when
	// nothing is.
	Note string
}

// Inspector is a Source that can show texts. The channel is closed when there is no more.
type Inspector interface {
	Inspect(ctx context.Context, subject Subject, namespace, name string) <-chan Chunk
}

// Rights is a Source that knows what the user may do.
type Rights interface {
	// Refusals has one entry for each operator verb that the user may not use, with the reason and
	// which role gives it. It asks the API server, so it takes time.
	Refusals(ctx context.Context, namespace, name string) (map[string]string, error)
}
