package list

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leftOut are the columns that go when a terminal is too narrow, the first one first. Name and
// phase stay. The message, which ends wide tables, is shortened before any column goes.
var leftOut = []string{
	"Message", "Interval", "Revision", "Target", "Provider", "Health", "Age", "Step", "Failed", "Weight",
}

const (
	// shortestMessage is the least of a message that is worth a column.
	shortestMessage = 20
	// shortestName is the least that is left of a name, on whatever terminal, in bytes.
	shortestName = 8
	// gap and narrowest are how the table printer lays out columns.
	gap       = 3
	narrowest = 6

	namespaceColumn = "Namespace"
)

// layout is how a table fits a terminal: columns without those that were left out, and the longest
// text of some of those that stay.
type layout struct {
	dropped []string
	longest map[string]int
}

// fit finds the layout for the rows of a table.
func (o *Options) fit(table *metav1.Table) *layout {
	l := &layout{longest: map[string]int{}}
	widths := o.widths(table)
	over := func() int {
		sum, last := 0, 0
		for _, name := range o.shown(table, l) {
			last = widths[name]
			sum += max(last+gap, narrowest)
		}
		return sum - max(last+gap, narrowest) + last - o.Width
	}
	for _, name := range leftOut {
		excess := over()
		if excess <= 0 {
			return l
		}
		if left := widths[name] - excess; name == "Message" && left >= shortestMessage && o.Format == "wide" {
			l.longest[name] = left
			return l
		}
		l.dropped = append(l.dropped, name)
	}
	// Names are shortened last, the longer of namespace and name first.
	for over() > 0 {
		name := "Name"
		if widths[namespaceColumn] > widths[name] {
			name = namespaceColumn
		}
		if widths[name] <= shortestName {
			break
		}
		widths[name]--
		l.longest[name] = widths[name]
	}
	return l
}

// shown are the names of the columns that are printed.
func (o *Options) shown(table *metav1.Table, l *layout) []string {
	var out []string
	if o.AllNamespaces {
		out = append(out, namespaceColumn)
	}
	for _, c := range table.ColumnDefinitions {
		if (c.Priority == 0 || o.Format == "wide") && !slices.Contains(l.dropped, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

// widths are the lengths of the longest texts of each column, in bytes, as the printer counts them.
func (o *Options) widths(table *metav1.Table) map[string]int {
	widths := map[string]int{}
	see := func(name, text string) { widths[name] = max(widths[name], len(text)) }
	if !o.NoHeaders {
		for _, c := range table.ColumnDefinitions {
			see(c.Name, c.Name)
		}
		if o.AllNamespaces {
			see(namespaceColumn, namespaceColumn)
		}
	}
	for _, r := range table.Rows {
		if o.AllNamespaces {
			see(namespaceColumn, metadata(r).Namespace)
		}
		for i, c := range table.ColumnDefinitions {
			see(c.Name, text(r.Cells[i]))
		}
	}
	return widths
}

// apply leaves out columns and shortens texts.
func (l *layout) apply(table *metav1.Table) {
	keep := func(i int) bool { return !slices.Contains(l.dropped, columns[i].Name) }
	for r := range table.Rows {
		var cells []any
		for i, cell := range table.Rows[r].Cells {
			if keep(i) {
				cells = append(cells, l.shorten(columns[i].Name, text(cell)))
			}
		}
		table.Rows[r].Cells = cells
		object := metadata(table.Rows[r])
		object.Namespace = l.shorten(namespaceColumn, object.Namespace)
	}
	var definitions []metav1.TableColumnDefinition
	for i, c := range table.ColumnDefinitions {
		if keep(i) {
			definitions = append(definitions, c)
		}
	}
	table.ColumnDefinitions = definitions
}

func (l *layout) shorten(column, text string) string {
	longest, bounded := l.longest[column]
	if !bounded || len(text) <= longest {
		return text
	}
	const more = "…"
	end := 0
	for i := range text {
		if i+len(more) > longest {
			break
		}
		end = i
	}
	return strings.TrimRight(text[:end], " ") + more
}

func text(cell any) string {
	s, _ := cell.(string) // tableRow makes nothing else
	return s
}

func metadata(r metav1.TableRow) *metav1.PartialObjectMetadata {
	object, _ := r.Object.Object.(*metav1.PartialObjectMetadata) // tableRow makes nothing else
	return object
}
