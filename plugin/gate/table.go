package gate

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

func columns() []metav1.TableColumnDefinition {
	return []metav1.TableColumnDefinition{
		{Name: "Canary", Type: "string", Format: "name"},
		{Name: "Gate", Type: "string"},
		{Name: "Type", Type: "string"},
		{Name: "At", Type: "string"},
		{Name: "State", Type: "string"},
		{Name: "Since", Type: "string"},
		{Name: "Deadline", Type: "string"},
		{Name: "By", Type: "string", Priority: 1},
		{Name: "URL", Type: "string", Priority: 1},
		{Name: "How", Type: "string"},
	}
}

func (o *ListOptions) printTable(gates []Gate) error {
	table := &metav1.Table{ColumnDefinitions: columns()}
	now := o.Now()
	for i := range gates {
		table.Rows = append(table.Rows, row(&gates[i], now))
	}
	printer := printers.NewTablePrinter(printers.PrintOptions{
		NoHeaders: o.NoHeaders, WithNamespace: o.AllNamespaces, Wide: o.Format == "wide",
	})
	return printer.PrintObj(table, o.Streams.Out)
}

func row(g *Gate, now time.Time) metav1.TableRow {
	since, deadline := "-", "-"
	if !g.Since.IsZero() {
		since = duration.HumanDuration(max(0, now.Sub(g.Since)))
	}
	if !g.Deadline.IsZero() {
		deadline = "in " + duration.HumanDuration(max(0, g.Deadline.Sub(now)))
	}
	cells := []any{
		g.Canary, g.Name, string(g.Type), g.At, orDash(g.State), since, deadline,
		orDash(g.By), orDash(g.URL), g.how(),
	}
	for i, cell := range cells {
		cells[i] = view.Clean(fmt.Sprint(cell))
	}
	return metav1.TableRow{
		// The printer takes the namespace column from the object.
		Object: runtime.RawExtension{Object: &metav1.PartialObjectMetadata{
			ObjectMeta: metav1.ObjectMeta{Name: view.Clean(g.Canary), Namespace: view.Clean(g.Namespace)},
		}},
		Cells: cells,
	}
}

// how is the command that opens the gate, or why there is none.
func (g *Gate) how() string {
	switch {
	case g.Command != "":
		return g.Command
	case g.tester != nil:
		return "fixed by its URL"
	case g.Type == Webhook:
		return "where its URL is served"
	}
	return "-"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (o *ListOptions) printObjects(gates []Gate) error {
	list := &unstructured.UnstructuredList{
		Object: map[string]any{"apiVersion": view.APIVersion, "kind": "GateList", "metadata": map[string]any{}},
		Items:  make([]unstructured.Unstructured, 0, len(gates)),
	}
	for i := range gates {
		item, err := view.Object("Gate", gates[i].Namespace, gates[i].Name, &gates[i])
		if err != nil {
			return err
		}
		list.Items = append(list.Items, *item)
	}
	return o.Print(&o.Output, list)
}
