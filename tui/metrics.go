package tui

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
)

// Rows of a chart with its title: below the least it becomes a line with a sparkline, above the
// most it would only be empty.
const (
	chartLeast = 6
	chartGood  = 12 // charts are put side by side only when below each other they were lower
	chartMost  = 18
	chartAiry  = 9  // from this on a blank line separates a row of charts from the next
	chartCols  = 36 // least width of one of several charts side by side
)

// metrics draws the panel of all metrics. Why nothing is measured between the checks is said below
// the charts, where there is room.
func (m *model) metrics(width, height int) []string {
	l := &m.detail.live
	if !l.wanted || l.note == "" || height < chartLeast+3 {
		return m.metricsOnly(width, height)
	}
	e := m.theme.Symbols.Ellipsis
	lines := full(m.metricsOnly(width, height-1), width, height-1, e)
	return append(lines, m.theme.Label.Render(cells.Cut("live values: "+l.note, width, e)))
}

// metricsOnly draws the panel in at most height lines.
func (m *model) metricsOnly(width, height int) []string {
	d := &m.detail
	legend := ""
	if all := merged(d.charts); len(all.Canary) > 0 {
		legend = chart.Legend(all, m.chartOptions(&d.charts[0]))
	}
	lines := []string{m.heading("Metrics", legend, width, panelMetrics)}
	height--
	n := len(d.charts)
	if n == 0 {
		if d.loaded {
			lines = append(lines, m.theme.Label.Render("no metrics are judged; only hooks and readiness decide"))
		}
		return lines
	}
	cols := max(1, min(n, width/chartCols))
	if height/n >= chartGood {
		cols = 1
	}
	charts := n
	for charts > 0 && (height-(n-charts))/rowsFor(charts, cols) < chartLeast {
		charts--
	}
	if charts > 0 {
		rows := rowsFor(charts, cols)
		each := min(chartMost, (height-(n-charts))/rows)
		gutter := 0
		if cols == 1 { // charts below each other have their times in line
			for i := range d.charts[:charts] {
				gutter = max(gutter, chart.Gutter(d.charts[i].data, each-1, m.chartOptions(&d.charts[i])))
			}
		}
		for first := 0; first < charts; first += cols {
			rows := each
			if each >= chartAiry && first+cols < charts { // there is room for air between the rows
				rows--
			}
			lines = append(lines, m.chartRow(first, min(first+cols, charts), cols, width, rows, gutter)...)
			if rows < each {
				lines = append(lines, "")
			}
		}
	}
	rest := m.inNeed(charts, n, height+1-len(lines))
	for j, i := range rest {
		if len(lines) == height && j < len(rest)-1 {
			lines = append(lines, m.theme.Label.Render("and "+plural(len(rest)-j, "more metric")))
			break
		}
		lines = append(lines, m.metricLine(i, width))
	}
	return lines
}

// inNeed is the order of the metrics from first to end: as in the spec, unless they do not all fit;
// then those that do not pass come first, so that no failure hides behind "and 3 more".
func (m *model) inNeed(first, end, room int) []int {
	var order, passing []int
	for i := first; i < end; i++ {
		if v := m.detail.canary.Metrics[i].Verdict; end-first > room && (v == "Pass" || v == "") {
			passing = append(passing, i)
			continue
		}
		order = append(order, i)
	}
	return append(order, passing...)
}

func rowsFor(charts, cols int) int { return (charts + cols - 1) / cols }

// merged has what the legend has to explain.
func merged(charts []metricChart) (d chart.Data) {
	for i := range charts {
		x := &charts[i].data
		if len(x.Canary) > 0 {
			d.Canary = x.Canary
		}
		if len(x.Primary) > 0 {
			d.Primary = x.Primary
		}
		if len(x.Live) > 0 {
			d.Live = x.Live
		}
		if x.Min != nil {
			d.Min = x.Min
		}
		if x.Max != nil {
			d.Max = x.Max
		}
	}
	return d
}

// chartRow draws charts first to end side by side, each with its title.
func (m *model) chartRow(first, end, cols, width, height, gutter int) []string {
	const gap = 3
	if end-first == 1 && cols > 1 { // the last one alone gets the whole width
		cols = 1
	}
	each := (width - gap*(cols-1)) / cols
	lines := make([]string, height)
	for i := first; i < end; i++ {
		w := each
		if i == end-1 {
			w = width - (each+gap)*(cols-1)
		}
		body := m.chartBody(i, w, height-1, gutter)
		for row := range lines {
			if i > first {
				lines[row] += strings.Repeat(" ", gap)
			}
			if row == 0 {
				lines[row] += m.metricTitle(i, w)
			} else {
				lines[row] += body[row-1]
			}
		}
	}
	return lines
}

// chartBody is a chart without its title: what went wrong with the newest sample comes first, and
// where there are no samples there are no axes either.
func (m *model) chartBody(i, width, height, gutter int) []string {
	mc, metric, t := &m.detail.charts[i], &m.detail.canary.Metrics[i], &m.theme
	e := t.Symbols.Ellipsis
	var lines []string
	if metric.Message != "" && height > chartLeast-2 {
		lines = append(lines, t.Warn.Render(cells.Fit(metric.Message, width, e)))
	}
	if len(mc.data.Canary) == 0 {
		if l := m.limits(metric); l != "" {
			lines = append(lines, t.Label.Render("accepted: "+l))
		}
		return full(lines, width, height, e)
	}
	o := m.chartOptions(mc)
	o.Gutter = gutter
	rest := chart.Render(mc.data, width, height-len(lines), o)
	return append(lines, strings.Split(rest, "\n")...)
}

func (m *model) chartOptions(mc *metricChart) chart.Options {
	return chart.Options{
		Glyphs: m.glyphs, Unit: mc.unit, Styles: m.theme.Chart(),
		From: mc.from, To: mc.to, Origin: runStart(&m.detail.canary),
	}
}

// metricTitle is the name at the left, value and verdict at the right.
func (m *model) metricTitle(i, width int) string {
	metric, t := &m.detail.canary.Metrics[i], &m.theme
	right := m.verdict(metric)
	name := t.Title.Render(metric.Name)
	// What has no room is left out, the least telling first.
	add := func(with string) {
		if ansi.StringWidth(name)+ansi.StringWidth(with)+4 <= width {
			right = with
		}
	}
	if metric.Primary != nil {
		label := ""
		if metric.Value != nil {
			label = t.Canary.Render("canary ")
		}
		add(t.Primary.Render("primary "+chart.Format(*metric.Primary, chart.UnitOf(metric.Unit))) + "  " + label + right)
	}
	if now := m.detail.live.newest(metric); now != nil && m.detail.replay == nil {
		add(t.Canary.Render("now "+chart.Format(*now, chart.UnitOf(metric.Unit))) + "  " + right)
	}
	return cells.Spread(name, right, width, t.Symbols.Ellipsis)
}

// verdict is the newest value with its sign and word.
func (m *model) verdict(metric *view.Metric) string {
	t, s := &m.theme, &m.theme.Symbols
	value := ""
	if metric.Value != nil {
		value = chart.Format(*metric.Value, chart.UnitOf(metric.Unit)) + " "
	}
	switch metric.Verdict {
	case "Pass":
		return t.Title.Render(value) + t.Pass.Render(s.Passed+" pass")
	case "Fail":
		return t.Title.Render(value) + t.Fail.Render(s.Failed+" FAIL")
	case "NoData":
		return value + t.Warn.Render(s.NoData+" no data")
	case "Error":
		return value + t.Warn.Render(s.Warning+" error")
	}
	return t.Label.Render(s.Pending + " not judged yet")
}

// limits is the threshold in words, for lines without a chart.
func (m *model) limits(metric *view.Metric) string {
	s, u := &m.theme.Symbols, chart.UnitOf(metric.Unit)
	var parts []string
	if metric.Min != nil {
		parts = append(parts, s.AtLeast+chart.Format(*metric.Min, u))
	}
	if metric.Max != nil {
		parts = append(parts, s.AtMost+chart.Format(*metric.Max, u))
	}
	return strings.Join(parts, " ")
}

// metricLine is a metric in one line of columns that align with the lines above and below: name,
// value and verdict, limit, and a sparkline, or what went wrong.
func (m *model) metricLine(i, width int) string {
	metric, t, s := &m.detail.canary.Metrics[i], &m.theme, &m.theme.Symbols
	name, limit := 0, 0
	for j := range m.detail.canary.Metrics {
		x := &m.detail.canary.Metrics[j]
		name = max(name, ansi.StringWidth(x.Name))
		limit = max(limit, ansi.StringWidth(m.limits(x)))
	}
	name = min(name, max(8, width/2))
	title := t.Title.Render(cells.Fit(metric.Name, name, s.Ellipsis))
	verdict := m.verdict(metric)
	if width < compactWidth {
		return cells.Spread(title, verdict, width, s.Ellipsis)
	}
	const verdictWidth = 16
	line := title + "  " + cells.Fit(verdict, verdictWidth, s.Ellipsis) + "  " +
		t.Label.Render(cells.Pad(m.limits(metric), limit)) + "  "
	room := width - name - verdictWidth - limit - 6
	switch {
	case metric.Message != "":
		line += t.Warn.Render(cells.Cut(metric.Message, room, s.Ellipsis))
	case room >= 8:
		mc := &m.detail.charts[i]
		line += chart.Bars(mc.data, min(room, 60), m.chartOptions(mc))
	}
	return line
}

func count(n int32) string { return strconv.Itoa(int(n)) }
