package list

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// The columns fit 80 characters with names of up to 30; those of priority 1 are for -o wide.
var columns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string", Format: "name"},
	{Name: "Phase", Type: "string"},
	{Name: "Weight", Type: "string"},
	{Name: "Step", Type: "string"},
	{Name: "Failed", Type: "string"},
	{Name: "Age", Type: "string"},
	{Name: "Health", Type: "string", Priority: 1},
	{Name: "Provider", Type: "string", Priority: 1},
	{Name: "Target", Type: "string", Priority: 1},
	{Name: "Interval", Type: "string", Priority: 1},
	{Name: "Revision", Type: "string", Priority: 1},
	{Name: "Message", Type: "string", Priority: 1},
}

func (o *Options) printer() printers.ResourcePrinter {
	return printers.NewTablePrinter(printers.PrintOptions{
		NoHeaders: o.NoHeaders, WithNamespace: o.AllNamespaces, Wide: o.Format == "wide",
	})
}

func (o *Options) printTable(printer printers.ResourcePrinter, w io.Writer, views []view.Canary) error {
	// Cloned, because the printer adds to them.
	table := &metav1.Table{ColumnDefinitions: slices.Clone(columns)}
	now := o.Now()
	for _, v := range views {
		table.Rows = append(table.Rows, tableRow(v, now))
	}
	if o.Width > 0 {
		if o.layout == nil {
			o.layout = o.fit(table)
		}
		o.layout.apply(table)
	}
	return printer.PrintObj(table, w)
}

func tableRow(v view.Canary, now time.Time) metav1.TableRow {
	age := "<unknown>"
	if !v.Created.IsZero() {
		age = duration.HumanDuration(v.Age(now))
	}
	message := v.Message
	if v.Problem != "" {
		message = v.Problem
	}
	cells := []any{
		v.Name, phase(v), v.Share(), step(v),
		fmt.Sprintf("%d/%d", v.FailedChecks, v.Threshold), age,
		string(v.Health), orNone(v.Provider), strings.ToLower(v.Target.Kind) + "/" + v.Target.Name,
		duration.HumanDuration(v.Interval.Duration), orNone(v.Revision), orNone(message),
	}
	for i, cell := range cells {
		cells[i] = clean(fmt.Sprint(cell))
	}
	return metav1.TableRow{
		// The printer takes the namespace column from the object.
		Object: runtime.RawExtension{Object: &metav1.PartialObjectMetadata{
			ObjectMeta: metav1.ObjectMeta{Name: clean(v.Name), Namespace: clean(v.Namespace)},
		}},
		Cells: cells,
	}
}

// longestCell bounds what a terminal is asked to lay out.
const longestCell = 4096

// clean makes one cell safe to print; the view has far more strings than the table shows.
func clean(cell string) string { return view.Clean(cell[:min(len(cell), longestCell)]) }

// phase joins what else holds the canary to its phase, as kubectl does with the status of a node.
func phase(v view.Canary) string {
	words := []string{v.Phase}
	switch {
	case v.Problem != "":
		words = []string{"Unreadable"}
	case v.Phase == "":
		words = []string{"<none>"}
	}
	switch _, waits := v.WaitingGate(); {
	case v.Paused():
		words = append(words, "Paused")
	case waits && v.Phase == "Progressing": // The other gates have phases of their own.
		words = append(words, "Gated")
	case v.RollingBack():
		words = append(words, "Rollback")
	case v.Restored() && v.Phase == "Failed":
		words = append(words, "Restored")
	}
	if v.Suspended {
		words = append(words, "Suspended")
	}
	if v.Health == view.HealthStalled {
		words = append(words, "Stalled")
	}
	return strings.Join(words, ",")
}

func step(v view.Canary) string {
	if v.TotalSteps == 0 {
		return "-"
	}
	if !v.Active() {
		return fmt.Sprintf("-/%d", v.TotalSteps)
	}
	return fmt.Sprintf("%d/%d", v.CurrentStep, v.TotalSteps)
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}
