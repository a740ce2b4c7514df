package fleet

import (
	"cmp"
	"slices"
	"strings"
)

// Column is what the rows can be sorted by.
type Column int

const (
	// ByAttention is the order of [Class]: who waits for somebody first, who is healthy last. It is the
	// default, and no column of the panel.
	ByAttention Column = iota
	// ByNamespace and ByName are alphabetical.
	ByNamespace
	// ByName is the name without the namespace.
	ByName
	// ByPhase is alphabetical, as the phase is shown.
	ByPhase
	// ByShare has the greatest share of the traffic on the canary first.
	ByShare
	// ByStep has the furthest step first.
	ByStep
	// ByFailed has the most failed checks first.
	ByFailed
	// ByMetric has the worst metric first.
	ByMetric
	// ByAge has the youngest first.
	ByAge
	// ByNext has what happens soonest first, and last what nobody knows the time of.
	ByNext

	sorts = iota
)

// String names the column as its heading does.
func (c Column) String() string {
	return [sorts]string{
		"attention", "namespace", "name", "phase", "share", "step", "failed", "metric", "age", "next",
	}[max(0, min(c, sorts-1))]
}

// Sort orders the rows by a column in its own direction: names forward, of numbers first what needs
// attention. Rows that are equal are in the order of namespace and name. An unknown column is
// ByAttention.
func (t *Table) Sort(c Column) {
	if c < 0 || c >= sorts {
		c = ByAttention
	}
	t.order, t.reversed, t.unsorted = c, false, true
}

// NextSort goes on to the next column, around.
func (t *Table) NextSort() { t.Sort((t.order + 1) % sorts) }

// Reverse turns the order around; rows that are equal stay in the order of namespace and name.
func (t *Table) Reverse() { t.reversed, t.unsorted = !t.reversed, true }

// SortedBy is the column that orders the rows, and whether against its own direction.
func (t *Table) SortedBy() (c Column, reversed bool) { return t.order, t.reversed }

// compare is the order of two rows by the column alone.
func (t *Table) compare(a, b *row) int {
	n := 0
	switch t.order {
	case ByAttention:
		n = cmp.Compare(a.class, b.class)
	case ByNamespace:
		n = strings.Compare(a.c.Namespace, b.c.Namespace)
	case ByName:
		n = strings.Compare(a.c.Name, b.c.Name)
	case ByPhase:
		n = strings.Compare(a.phase.s, b.phase.s)
	case ByShare:
		n = cmp.Compare(b.load, a.load)
	case ByStep:
		n = cmp.Compare(b.at, a.at)
	case ByFailed:
		n = cmp.Compare(b.failing, a.failing)
	case ByMetric:
		n = cmp.Compare(b.danger, a.danger)
	case ByAge:
		n = b.c.Created.Compare(a.c.Created)
	case ByNext:
		n = compareNext(a, b)
	}
	if t.reversed {
		return -n
	}
	return n
}

func compareNext(a, b *row) int {
	switch known, other := !a.nextTime.IsZero(), !b.nextTime.IsZero(); {
	case known && other:
		return a.nextTime.Compare(b.nextTime)
	case known:
		return -1
	case other:
		return 1
	}
	return 0
}

// sort puts the rows in order; ties cannot be, since no two canaries have the same name.
func (t *Table) sort() {
	slices.SortFunc(t.rows, func(a, b *row) int {
		if n := t.compare(a, b); n != 0 {
			return n
		}
		return cmp.Or(strings.Compare(a.c.Namespace, b.c.Namespace), strings.Compare(a.c.Name, b.c.Name))
	})
}
