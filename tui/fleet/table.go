package fleet

import (
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Table is the panel of all canaries. The zero value is an empty one that waits for its first
// canaries; it must not be copied once it is in use.
type Table struct {
	// Namespaces shows the namespace of each canary even when all are in one, as -A asks for.
	Namespaces bool
	// Scope names where the canaries were looked for, such as "namespace shop" or "all namespaces",
	// for the words of an empty panel. It must be clean.
	Scope string

	byKey  map[key]*row
	rows   []*row // all, in order once unsorted is false
	shown  []*row // those that pass the filter, in order
	counts [classes]int
	spaces map[string]int // canaries in each namespace

	order    Column
	reversed bool
	filter   string
	words    []word
	synced   bool

	unsorted   bool // rows are not in order; shown is made anew too
	unfiltered bool // shown is old
	unmeasured bool // want is old
	want       wants

	selected *row
	cursor   int  // index of selected in shown
	held     bool // the operator has chosen the selection
	top      int  // index of the first row in sight
	page     int  // rows there is room for, when last drawn
	drawn    []*row
	last     layout
}

// key names a canary.
type key struct{ namespace, name string }

// Put adds a canary, or takes the place of what was known of it. It keeps c, which must not be
// changed afterwards.
func (t *Table) Put(c view.Canary) {
	k := key{c.Namespace, c.Name}
	r := newRow(c)
	old, known := t.byKey[k]
	if !known {
		if t.byKey == nil {
			t.byKey, t.spaces = map[key]*row{}, map[string]int{}
		}
		t.byKey[k] = r
		t.spaces[k.namespace]++
		t.counts[r.class]++
		t.rows = append(t.rows, r)
		t.unsorted, t.unmeasured = true, true
		return
	}
	t.counts[old.class]--
	t.counts[r.class]++
	t.unsorted = t.unsorted || t.compare(old, r) != 0
	t.unfiltered = t.unfiltered || t.passes(old) != t.passes(r)
	*old = *r // in its place, so that the selection stays
}

// Remove forgets a canary. One that is not known is not an error: what is gone is gone.
func (t *Table) Remove(namespace, name string) {
	k := key{namespace, name}
	r, known := t.byKey[k]
	if !known {
		return
	}
	delete(t.byKey, k)
	if t.spaces[namespace]--; t.spaces[namespace] == 0 {
		delete(t.spaces, namespace)
	}
	t.counts[r.class]--
	t.rows = slices.DeleteFunc(t.rows, func(x *row) bool { return x == r })
	t.unfiltered, t.unmeasured = true, true
}

// Reset forgets all canaries and waits for the first ones anew; order and filter stay.
func (t *Table) Reset() {
	*t = Table{
		Namespaces: t.Namespaces, Scope: t.Scope,
		order: t.order, reversed: t.reversed, filter: t.filter, words: t.words, page: t.page,
	}
}

// Synced says that all canaries that existed at the start have been put. Until then the panel speaks
// of loading when it is empty, and the first row is selected, whichever it is, unless the operator
// has chosen one; from then on the selection stays with its canary.
func (t *Table) Synced() {
	t.refresh()
	t.synced = true
}

// Len is the number of canaries, and Shown of those that pass the filter.
func (t *Table) Len() int { return len(t.rows) }

// Shown is the number of canaries that pass the filter.
func (t *Table) Shown() int {
	t.refresh()
	return len(t.shown)
}

// Selected is the canary of the selected row, all of it clean. It is cleaned once for each change, so
// asking again costs nothing. ok is false when no canary is shown.
func (t *Table) Selected() (c view.Canary, ok bool) {
	t.refresh()
	if t.selected == nil {
		return view.Canary{}, false
	}
	if t.selected.full == nil {
		full := t.selected.c.Cleaned()
		t.selected.full = &full
	}
	return *t.selected.full, true
}

// Select puts the selection on a canary. It is false, and nothing changes, when that canary is not
// known or does not pass the filter.
func (t *Table) Select(namespace, name string) bool {
	t.refresh()
	r, known := t.byKey[key{namespace, name}]
	if !known {
		return false
	}
	at := slices.Index(t.shown, r)
	if at < 0 {
		return false
	}
	t.choose(at)
	return true
}

// Move moves the selection by n rows, up when n is negative, as far as there are rows.
func (t *Table) Move(n int) {
	t.refresh()
	// Of two large numbers the sum might overflow.
	n = max(-len(t.shown), min(n, len(t.shown)))
	t.choose(t.cursor + n)
}

// Top selects the first row.
func (t *Table) Top() { t.Move(-len(t.rows)) }

// Bottom selects the last row.
func (t *Table) Bottom() { t.Move(len(t.rows)) }

// Page moves the selection by n times the rows in sight, less one that is seen again.
func (t *Table) Page(n int) {
	t.refresh()
	n = max(-len(t.shown), min(n, len(t.shown)))
	t.Move(n * max(1, t.page-1))
}

// Click selects the row on a line of the panel as last drawn, counted from 0. It is false when there
// is none.
func (t *Table) Click(line int) bool {
	line -= t.last.heading
	if line < 0 || line >= len(t.drawn) {
		return false
	}
	// What was seen there, even if another canary has taken its place since.
	c := &t.drawn[line].c
	return t.Select(c.Namespace, c.Name)
}

// ClickHeading sorts by the column whose heading is at column x, line of the panel as last drawn; a
// second time it reverses the order. It is false when there is no heading.
func (t *Table) ClickHeading(x, line int) bool {
	if line < 0 || line >= t.last.heading {
		return false
	}
	c, ok := t.last.at(x)
	switch {
	case !ok:
		return false
	case c == t.order:
		t.Reverse()
	default:
		t.Sort(c)
	}
	return true
}

// Counting says whether a row in sight, as last drawn, counts down: whether the panel looks different
// a second later although nothing has changed.
func (t *Table) Counting(now time.Time) bool {
	if t.last.until == 0 {
		return false
	}
	for _, r := range t.drawn {
		if r.nextTime.After(now) {
			return true
		}
	}
	return false
}

// choose puts the selection on a row by the operator's will.
func (t *Table) choose(at int) {
	t.cursor, t.selected = 0, nil
	if n := len(t.shown); n > 0 {
		t.cursor, t.held = max(0, min(at, n-1)), true
		t.selected = t.shown[t.cursor]
	}
}

// refresh sorts and filters, if anything has changed that asks for it.
func (t *Table) refresh() {
	if !t.unsorted && !t.unfiltered {
		return
	}
	if t.unsorted {
		t.sort()
	}
	t.shown = t.shown[:0]
	for _, r := range t.rows {
		if t.passes(r) {
			t.shown = append(t.shown, r)
		}
	}
	t.unsorted, t.unfiltered = false, false
	t.follow()
}

// follow puts the cursor where the selected canary has gone, and keeps it on its line of the screen.
// When that canary is no longer shown, what has taken its place is selected.
func (t *Table) follow() {
	was := t.cursor
	switch at := slices.Index(t.shown, t.selected); {
	case !t.held && !t.synced:
		t.cursor = 0
	case at >= 0:
		t.cursor = at
	}
	t.cursor = max(0, min(t.cursor, len(t.shown)-1))
	t.selected = nil
	if len(t.shown) > 0 {
		t.selected = t.shown[t.cursor]
	}
	if t.top > 0 { // At the top it stays, so that what comes to need attention is seen.
		t.top = max(0, t.top+t.cursor-was)
	}
}

// scroll brings the cursor into sight of a page of rows.
func (t *Table) scroll(page int) {
	t.page = page
	t.top = min(t.top, t.cursor)
	t.top = max(t.top, t.cursor-page+1)
	t.top = max(0, min(t.top, len(t.shown)-page))
}
