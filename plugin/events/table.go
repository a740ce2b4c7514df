package events

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

func (o *Options) printer() printers.ResourcePrinter {
	return printers.NewTablePrinter(printers.PrintOptions{NoHeaders: o.NoHeaders})
}

func (o *Options) printTable(printer printers.ResourcePrinter, w io.Writer, events []unstructured.Unstructured) error {
	columns := []metav1.TableColumnDefinition{
		{Name: "Last Seen", Type: "string"}, {Name: "Type", Type: "string"}, {Name: "Reason", Type: "string"},
	}
	if o.AllObjects {
		columns = append(columns, metav1.TableColumnDefinition{Name: "Object", Type: "string"})
	}
	columns = append(columns, metav1.TableColumnDefinition{Name: "Message", Type: "string"})
	table := &metav1.Table{ColumnDefinitions: columns}
	for i := range events {
		e := Decode(&events[i])
		if e == nil {
			continue
		}
		cells := []any{lastSeen(e, o.Now()), view.Clean(e.Type), view.Clean(e.Reason)}
		if o.AllObjects {
			cells = append(cells, view.Clean(strings.ToLower(e.InvolvedObject.Kind)+"/"+e.InvolvedObject.Name))
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: append(cells, view.Clean(strings.TrimSpace(e.Message)))})
	}
	return printer.PrintObj(table, w)
}

// lastSeen is in the manner of kubectl: "2m", or "2m (x3 over 10m)".
func lastSeen(e *corev1.Event, now time.Time) string {
	last := view.EventTime(e)
	if last.IsZero() {
		return "<unknown>"
	}
	age := duration.HumanDuration(max(0, now.Sub(last)))
	count := Count(e)
	first := e.FirstTimestamp.Time
	if first.IsZero() {
		first = e.EventTime.Time
	}
	if count <= 1 || first.IsZero() {
		return age
	}
	return fmt.Sprintf("%s (x%d over %s)", age, count, duration.HumanDuration(max(0, now.Sub(first))))
}

// update is a change of one of the collections that are watched, or of the canary.
type update struct {
	feed.Change
	canary bool
}

// watch prints what there is, in order, then each event as it comes. It ends with the context or
// with the canary.
func (o *Options) watch(ctx context.Context, client dynamic.Interface, selectors []fields.Set) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	updates := make(chan update)
	follow := func(client dynamic.ResourceInterface, selector fields.Selector, canary bool) {
		feed.Objects(ctx, client, metav1.ListOptions{FieldSelector: selector.String()}, func(c feed.Change) bool {
			select {
			case updates <- update{c, canary}:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}
	go follow(client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace), fields.OneTermEqualSelector("metadata.name", o.Name), true)
	for _, s := range selectors {
		go follow(client.Resource(eventResource).Namespace(o.Namespace), s.AsSelector(), false)
	}
	w := &watcher{Options: o, printer: o.printer(), out: printers.GetNewTabWriter(o.Streams.Out), waiting: len(selectors), seen: map[string]string{}}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u := <-updates:
			if err := w.take(u); err != nil {
				return err
			}
		}
	}
}

// watcher prints events once for each time that they happen.
type watcher struct {
	*Options
	printer printers.ResourcePrinter
	out     interface {
		io.Writer
		Flush() error
	}
	// waiting counts the first lists that are still to come; what they have is printed in order.
	waiting int
	first   []unstructured.Unstructured
	// seen are the resourceVersions that were printed, by uid.
	seen   map[string]string
	broken bool
}

func (w *watcher) take(u update) error {
	switch {
	case u.Broken != nil:
		if w.broken {
			return nil
		}
		w.broken = true
		_, err := fmt.Fprintf(w.Streams.ErrOut, "connection lost at %s, trying again: %s\n",
			w.Now().Format(time.TimeOnly), view.Clean(u.Broken.Error()))
		return err
	case u.Denied != nil:
		what := fmt.Sprintf("watch the events of canary %q in namespace %q", w.Name, w.Namespace)
		if u.canary {
			what = fmt.Sprintf("watch canary %q in namespace %q", w.Name, w.Namespace)
		}
		return w.Cluster.Explain(u.Denied, what)
	case u.canary:
		if u.Removed != nil || u.Listed && len(u.All) == 0 {
			return fmt.Errorf("canary %q was deleted", w.Name)
		}
		return nil
	}
	w.broken = false
	switch {
	case u.Listed && w.waiting > 0:
		w.first = append(w.first, u.All...)
		if w.waiting--; w.waiting > 0 {
			return nil
		}
		return w.show(w.first)
	case u.Listed:
		return w.show(u.All)
	case u.Put != nil && w.waiting > 0:
		w.first = append(w.first, *u.Put)
	case u.Put != nil:
		return w.show([]unstructured.Unstructured{*u.Put})
	}
	return nil
}

// show prints those that are new.
func (w *watcher) show(events []unstructured.Unstructured) error {
	var fresh []unstructured.Unstructured
	for _, e := range w.chosen(events) {
		if key := string(e.GetUID()) + "/" + e.GetName(); w.seen[key] != e.GetResourceVersion() {
			w.seen[key] = e.GetResourceVersion()
			fresh = append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := w.printTable(w.printer, w.out, fresh); err != nil {
		return err
	}
	return w.out.Flush()
}
