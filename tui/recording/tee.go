package recording

import (
	"context"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Tee is a source that is being recorded: it passes on what the source below it reports. It has all
// the optional abilities of a source; those that the one below lacks have nothing to say.
type Tee struct {
	below    source.Source
	recorder *Recorder
}

var (
	_ source.Source    = (*Tee)(nil)
	_ source.LiveMeter = (*Tee)(nil)
	_ source.Inspector = (*Tee)(nil)
	_ source.Rights    = (*Tee)(nil)
)

// Wrap records everything that comes out of a source. Texts (see [source.Inspector]) pass
// unrecorded: manifests and logs may hold what is not for others.
func (r *Recorder) Wrap(below source.Source) *Tee { return &Tee{below: below, recorder: r} }

// Fleet implements source.Source.
func (t *Tee) Fleet(ctx context.Context) <-chan source.Update {
	return t.relay(ctx, channel{from: fromFleet}, t.below.Fleet)
}

// Detail implements source.Source.
func (t *Tee) Detail(ctx context.Context, namespace, name string) <-chan source.Update {
	return t.relay(ctx, channel{fromDetail, namespace, name}, func(ctx context.Context) <-chan source.Update {
		return t.below.Detail(ctx, namespace, name)
	})
}

// Live implements source.LiveMeter. When the source below cannot measure, the channel says so and
// ends.
func (t *Tee) Live(ctx context.Context, namespace, name string) <-chan source.Update {
	meter, ok := t.below.(source.LiveMeter)
	if !ok {
		return closedChannel(source.Update(source.Live{Namespace: namespace, Name: name, Note: "this source does not measure"}))
	}
	return t.relay(ctx, channel{fromLive, namespace, name}, func(ctx context.Context) <-chan source.Update {
		return meter.Live(ctx, namespace, name)
	})
}

// Inspect implements source.Inspector. When the source below has no texts, a note says so.
func (t *Tee) Inspect(ctx context.Context, subject source.Subject, namespace, name string) <-chan source.Chunk {
	if inspector, ok := t.below.(source.Inspector); ok {
		return inspector.Inspect(ctx, subject, namespace, name)
	}
	return closedChannel(source.Chunk{Replace: true, Note: "this source has no " + string(subject)})
}

// Refusals implements source.Rights. When the source below does not know what the user may do,
// nothing is refused: the agent decides.
func (t *Tee) Refusals(ctx context.Context, namespace, name string) (map[string]string, error) {
	if rights, ok := t.below.(source.Rights); ok {
		return rights.Refusals(ctx, namespace, name)
	}
	return nil, nil
}

func closedChannel[T any](only T) <-chan T {
	out := make(chan T, 1)
	out <- only
	close(out)
	return out
}

// relay opens a channel of the source below and records what it passes on. An update is recorded
// before it is passed on, since it is the reader's from then on.
func (t *Tee) relay(ctx context.Context, from channel, open func(context.Context) <-chan source.Update) <-chan source.Update {
	ctx, cancel := context.WithCancel(ctx)
	in, out := open(ctx), make(chan source.Update)
	t.recorder.mark(from, kindOpened)
	go func() {
		defer cancel()
		defer close(out)
		defer t.recorder.mark(from, kindClosed)
		for {
			select {
			case <-ctx.Done():
				return
			case u, ok := <-in:
				if !ok {
					return
				}
				t.recorder.update(from, u)
				select {
				case out <- u:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}
