package fleet

// Widths at which the panel changes its kind; in between, columns come and go one by one.
const (
	// narrowWidth is where name, phase and share are all there is below it.
	narrowWidth = 60
	// slimWidth is where below it the share goes too.
	slimWidth = 36
	// bareWidth is where below it the phase is a sign only.
	bareWidth = 24
)

// Widths of columns.
const (
	gap         = 2  // between columns
	leadWidth   = 2  // the sign of the selected row
	phaseWidth  = 14 // "Rolling back" with its sign
	briefWidth  = 5  // of a share in a word
	stepWidth   = 5
	failedWidth = 5
	untilWidth  = 6
	valueWidth  = 7
	signWidth   = 2 // of a verdict, with the space before it
	ageWidth    = 4
	leastWords  = 20
	goodWords   = 40 // "40% is judged, then the canary gets 50%"
	mostWords   = 90
)

// wants is what the names of all rows would fill. Nothing else of them moves the columns, so that
// these stay where they are while runs go on.
type wants struct {
	namespace, name, path int
	spaces                bool // the namespace must be told
}

// layout is the width of each column; 0 is one that is not drawn.
type layout struct {
	heading                   int // lines of headings: 0 or 1
	namespace, name, phase    int
	paths                     bool // names are written with their namespace
	bar, share                int  // one column, the bar at its left
	step, failed              int
	spark, value, metric, age int
	until, words              int
	edges                     []edge
}

// edge is where the heading of a column ends.
type edge struct {
	column Column
	x      int
}

// arrange divides a width among the columns.
func arrange(width int, w wants) layout {
	w.name = max(w.name, len("Name"))
	w.path = max(w.path, len("Name"))
	l := layout{phase: phaseWidth}
	if width < narrowWidth {
		l.narrow(width, w)
		return l
	}
	l.share = briefWidth
	l.name = min(w.name, 12)
	room := width - leadWidth - l.name - gap - l.phase - gap - l.share
	// take grants a wish when there is room for all of it, grow as much of it as there is room for.
	take := func(field *int, n, extra int) bool {
		if n <= 0 || n+extra > room {
			return false
		}
		*field += n
		room -= n + extra
		return true
	}
	grow := func(field *int, want int) {
		n := min(max(0, want-*field), room)
		*field += n
		room -= n
	}
	// The wishes, most wanted first.
	if w.spaces {
		take(&l.namespace, max(9, min(w.namespace, 10)), gap)
	}
	take(&l.failed, failedWidth, gap)
	take(&l.step, stepWidth, gap)
	grow(&l.name, min(w.name, 14))
	take(&l.until, untilWidth, gap)
	if take(&l.value, valueWidth, signWidth+gap) {
		take(&l.spark, 5, 1)
	}
	take(&l.bar, 5, 0)
	grow(&l.name, min(w.name, 20))
	if l.namespace > 0 {
		grow(&l.namespace, min(w.namespace, 14))
	}
	take(&l.age, ageWidth, gap)
	if l.until > 0 {
		take(&l.words, leastWords, 1)
	}
	if l.spark > 0 {
		take(&l.metric, 12, 1)
		grow(&l.spark, 8)
	}
	if l.bar > 0 {
		grow(&l.bar, 10)
	}
	if l.words > 0 {
		grow(&l.words, goodWords)
	}
	grow(&l.name, min(w.name, 32))
	if l.namespace > 0 {
		grow(&l.namespace, min(w.namespace, 24))
	}
	grow(&l.phase, 18)
	if l.metric > 0 {
		grow(&l.metric, 20)
		grow(&l.spark, 16)
	}
	if l.words > 0 {
		grow(&l.words, mostWords)
	}
	grow(&l.name, w.name)
	return l
}

// narrow is the layout in which a canary is named in one column.
func (l *layout) narrow(width int, w wants) {
	l.paths = w.spaces
	room := width - leadWidth
	switch {
	case width < bareWidth:
		l.phase = 1
	case width >= slimWidth:
		l.share = briefWidth
		room -= gap + l.share
	}
	want := w.name
	if l.paths {
		want = w.path
	}
	l.name = max(0, min(room-gap-l.phase, want))
}

// at is the column whose heading is at x.
func (l *layout) at(x int) (c Column, ok bool) {
	if x < leadWidth {
		return 0, false
	}
	for _, e := range l.edges {
		if x < e.x {
			return e.column, true
		}
	}
	return 0, false
}
