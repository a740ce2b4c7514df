package history

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

func columns(named bool) []metav1.TableColumnDefinition {
	all := []metav1.TableColumnDefinition{
		{Name: "Revision", Type: "string"},
		{Name: "Outcome", Type: "string"},
		{Name: "Started", Type: "string"},
		{Name: "Duration", Type: "string"},
		{Name: "Max Weight", Type: "string"},
		{Name: "Failed", Type: "string"},
		{Name: "By", Type: "string"},
		{Name: "Run", Type: "string", Priority: 1},
		{Name: "Message", Type: "string"},
	}
	if named {
		all = slices.Insert(all, 0, metav1.TableColumnDefinition{Name: "Name", Type: "string", Format: "name"})
	}
	return all
}

// shownMessage bounds the last column; -o wide and --run show all of it.
const shownMessage = 60

func (o *Options) table(found []cli.Found) error {
	named := !o.Single()
	table := &metav1.Table{ColumnDefinitions: columns(named)}
	slices.SortStableFunc(found, func(a, b cli.Found) int {
		if len(o.Selection.Names) > 0 {
			return 0 // as they were given
		}
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range found {
		if f.Err != nil {
			continue
		}
		for _, r := range f.View.Cleaned().Runs() {
			cells := o.cells(f.View, r)
			if named {
				cells = slices.Insert(cells, 0, any(view.Clean(f.Name)))
			}
			table.Rows = append(table.Rows, metav1.TableRow{Cells: cells, Object: runtime.RawExtension{
				Object: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: f.Name, Namespace: f.Namespace}},
			}})
		}
	}
	if len(table.Rows) == 0 {
		return nil
	}
	printer := printers.NewTablePrinter(printers.PrintOptions{
		NoHeaders: o.NoHeaders, WithNamespace: o.AllNamespaces, Wide: o.Format == "wide",
	})
	return printer.PrintObj(table, o.Streams.Out)
}

func (o *Options) cells(v view.Canary, r view.Run) []any {
	message := r.Message
	if r.Outcome == "" {
		message = v.Cleaned().Message
	}
	if short := []rune(message); o.Format != "wide" && len(short) > shownMessage {
		message = strings.TrimSpace(string(short[:shownMessage-1])) + "…"
	}
	return []any{
		dash(r.Revision), outcome(v, r), o.age(r.Start), o.took(r), fmt.Sprintf("%d%%", r.MaxWeight),
		strconv.Itoa(int(r.FailedChecks)), dash(r.By), r.ID, dash(message),
	}
}

func outcome(v view.Canary, r view.Run) string {
	switch {
	case r.Outcome != "":
		return r.Outcome
	case v.Paused():
		return "Running,Paused"
	case r.Rollback:
		return "Running,Rollback"
	}
	return "Running"
}

func (o *Options) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(0, o.Now().Sub(t))) + " ago"
}

func (o *Options) took(r view.Run) string {
	end := r.End
	if end.IsZero() {
		end = o.Now()
	}
	if r.Start.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(0, end.Sub(r.Start)))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// writeRun prints a run for people.
func (o *Options) writeRun(v view.Canary, full FullRun) error {
	v = v.Cleaned()
	r := cleanRun(full.Run)
	w := tabwriter.NewWriter(o.Streams.Out, 0, 8, 2, ' ', 0)
	// Errors of the writer stay in it until Flush.
	field := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%s:\t%s\n", name, value)
		}
	}
	field("Canary", v.Name)
	field("Namespace", v.Namespace)
	field("Run", r.ID)
	field("Revision", r.Revision)
	field("Outcome", outcome(v, r))
	field("Message", r.Message)
	field("By", r.By)
	field("Started", stamp(r.Start))
	field("Ended", stamp(r.End))
	field("Duration", o.took(r))
	field("Max weight", fmt.Sprintf("%d%%", r.MaxWeight))
	field("Failed checks", strconv.Itoa(int(r.FailedChecks)))
	if full.Steps == nil && full.Metrics == nil {
		field("Steps", "not kept; only those of the current or last run are")
		return w.Flush()
	}
	o.parts(w, v)
	return w.Flush()
}

func (o *Options) parts(w *tabwriter.Writer, v view.Canary) {
	title := func(name, header string) {
		_ = w.Flush()
		_, _ = fmt.Fprintf(w, "%s:\n", name)
		_ = w.Flush()
		_, _ = fmt.Fprintf(w, "  %s\n", header)
	}
	if len(v.Steps) > 0 {
		title("Steps", "STEP\tWEIGHT\tSTATE\tTIME\tFAILED")
		for i, s := range v.Steps {
			took := "-"
			if !s.Start.IsZero() {
				took = o.took(view.Run{Start: s.Start, End: s.End})
			}
			_, _ = fmt.Fprintf(w, "  %d\t%s\t%s\t%s\t%d\n", i+1, v.StepText(s), s.State, took, s.FailedChecks)
		}
	}
	if len(v.Metrics) > 0 {
		title("Measurements", "TIME\tMETRIC\tWEIGHT\tCANARY\tPRIMARY\tVERDICT")
		for _, m := range v.Metrics {
			for _, s := range m.Samples {
				verdict := s.Verdict
				if s.Message != "" {
					verdict += ": " + s.Message
				}
				_, _ = fmt.Fprintf(w, "  %s\t%s\t%d%%\t%s\t%s\t%s\n", s.Time.UTC().Format(time.TimeOnly), m.Name, s.Weight, number(s.Value), number(s.Primary), verdict)
			}
		}
	}
	if len(v.Hooks) > 0 {
		title("Hooks", "NAME\tTYPE\tSTATE\tMESSAGE")
		for _, h := range v.Hooks {
			_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", h.Name, h.Type, dash(h.State), dash(h.Message))
		}
	}
	if len(v.Gates) > 0 {
		title("Gates", "NAME\tAT\tSTATE\tBY")
		for _, g := range v.Gates {
			_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", g.Name, g.At, dash(g.State), dash(g.By))
		}
	}
}

func cleanRun(r view.Run) view.Run {
	return view.Canary{History: []view.Run{r}}.Cleaned().History[0]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(f *float64) string {
	if f == nil {
		return "-"
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(*f, 'f', 2, 64), "0"), ".")
}
