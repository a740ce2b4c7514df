package tui

import (
	"fmt"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// sides is one row for each side: its share of the traffic as a bar, version and pods.
func (m *model) sides(width int) []string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	weight := int(max(0, min(c.Weight, 100)))
	type side struct {
		name            string
		style           lipgloss.Style
		percent         int
		match           string // which requests, when no share says it: A/B, mirroring
		image, rev, pod string
	}
	promoted := c.PromotedRevision
	switch {
	case c.RollingBack():
		promoted = c.Run.Revision
	case c.Phase == "Promoting" || c.Phase == "Finalising":
		promoted = c.Revision // the primary is being rolled to it, or has been; its image says so too
	}
	both := []side{
		{"primary", t.Primary, 100 - weight, "all others", images(c.Images.Primary), cells.ShortRevision(promoted), podCount(c.Pods, view.SidePrimary)},
		{"canary", t.Canary, weight, "matching", images(c.Images.Target), cells.ShortRevision(c.Revision), podCount(c.Pods, view.SideCanary)},
	}
	switch c.Split() {
	case view.SplitMatch:
	case view.SplitMirror:
		both[0].match, both[1].match = "", "copies of the requests"
	case view.SplitWeight:
		both[0].match, both[1].match = "", ""
	}
	if c.Phase == "" || c.Phase == "Initializing" { // Nothing is routed yet: clients reach the target.
		both[0].match, both[1].match = "not serving yet", "all traffic"
	}
	wide := func(get func(side) string) int {
		return max(ansi.StringWidth(get(both[0])), ansi.StringWidth(get(both[1])))
	}
	imageW := min(wide(func(x side) string { return x.image }), max(8, width/3))
	revW := wide(func(x side) string { return x.rev })
	podW := wide(func(x side) string { return x.pod })
	rest := 0
	for _, w := range []int{imageW, revW, podW} {
		if w > 0 {
			rest += w + 2
		}
	}
	bar := min(60, width-labelWidth-5-rest)
	var lines []string
	for _, x := range both {
		line := x.style.Render(cells.Pad(x.name, labelWidth))
		if !m.detail.loaded {
			lines = append(lines, line)
			continue
		}
		line += m.share(x.percent, x.match, bar, x.style)
		for _, col := range []struct {
			text  string
			width int
		}{{x.image, imageW}, {t.Label.Render(x.rev), revW}, {x.pod, podW}} {
			if col.width > 0 {
				line += "  " + cells.Fit(col.text, col.width, s.Ellipsis)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// share is the bar of a side and its percentage, or which requests it gets.
func (m *model) share(percent int, match string, width int, style lipgloss.Style) string {
	const number = 5
	if match != "" {
		return style.Render(cells.Fit(match, max(width, 0)+number, m.theme.Symbols.Ellipsis))
	}
	text := cells.PadLeft(strconv.Itoa(percent)+"%", number)
	if width < 4 {
		return text
	}
	return m.bar(percent, width, style) + text
}

// bar is filled in proportion; a share above zero always shows, one below a hundred never fills it.
func (m *model) bar(percent, width int, style lipgloss.Style) string {
	n := (percent*width + 50) / 100
	if percent > 0 {
		n = max(n, 1)
	}
	if percent < 100 {
		n = min(n, width-1)
	}
	s := &m.theme.Symbols
	return style.Render(strings.Repeat(s.BarFull, n)) + m.theme.Rule.Render(strings.Repeat(s.BarEmpty, width-n))
}

func images(all []string) string {
	var short []string
	for _, image := range all {
		short = append(short, cells.ShortImage(image))
	}
	return strings.Join(short, ",")
}

// podCount is "2/3 ready", without those that are on their way out; empty when no pods are known,
// which is not the same as none.
func podCount(pods []view.Pod, side view.Side) string {
	if len(pods) == 0 {
		return ""
	}
	ready, all, ending := 0, 0, 0
	for _, p := range pods {
		switch {
		case p.Side != side:
		case p.Reason == "Terminating":
			ending++
		default:
			all++
			if p.Ready {
				ready++
			}
		}
	}
	switch {
	case all == 0 && ending > 0:
		return fmt.Sprintf("%d ending", ending)
	case all == 0:
		return "no pods"
	}
	return fmt.Sprintf("%d/%d ready", ready, all)
}
