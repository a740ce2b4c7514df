package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// events draws the newest events first: in the few lines there are, the newest is what one looks
// for, and it stays where it is as others come. With the focus, long ones are shown in full.
func (m *model) events(width, height int) []string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	n, top := len(c.Events), m.detail.newest
	where := ""
	if top > 0 {
		where = t.Label.Render(fmt.Sprintf("%d newer", top))
	}
	lines := []string{m.heading("Events", where, width, panelEvents)}
	switch {
	case c.EventsNote != "":
		lines = append(lines, t.Label.Render(c.EventsNote))
	case n == 0 && m.detail.loaded && m.reading():
		lines = append(lines, t.Label.Render("reading"+s.Ellipsis))
	case n == 0 && m.detail.loaded:
		lines = append(lines, t.Label.Render("none"))
	}
	const indent = 11 // the time and the sign
	limit := 1
	if m.detail.focus == panelEvents || m.eventRows(width-indent, mostEventRows, height) < height { // there is room to read them
		limit = mostEventRows
	}
	for i := n - 1 - top; i >= 0 && len(lines) < height; i-- {
		e := &c.Events[i]
		sign, style := " ", t.Label
		if e.Type == "Warning" {
			sign, style = s.Warning, t.Warn
		}
		text := e.Message
		if e.Count > 1 {
			text = s.Times + count(e.Count) + " " + text
		}
		for j, part := range cells.Wrap(text, width-indent, limit, s.Ellipsis) {
			lead := t.Label.Render(m.at(e.Time)) + " " + style.Render(sign) + " "
			if j > 0 {
				lead = fmt.Sprintf("%*s", indent, "")
			}
			if e.Type == "Warning" {
				part = style.Render(part)
			}
			lines = append(lines, lead+part)
		}
	}
	return lines[:min(len(lines), max(0, height))]
}

// mostEventRows is how many lines an event may take where there is room.
const mostEventRows = 4

// eventRows is how many lines the events take, or more than most.
func (m *model) eventRows(width, limit, most int) int {
	rows := 0
	for i := range m.detail.canary.Events {
		text := m.detail.canary.Events[i].Message
		if rows += len(cells.Wrap(text, width, limit, "")); rows > most {
			break
		}
	}
	return rows
}

// pods draws one line for each pod, the canary's first: those are the ones in question.
func (m *model) pods(width, height int) []string {
	t, c := &m.theme, &m.detail.canary
	lines := []string{m.heading("Pods", "", width, panelPods)}
	switch {
	case c.PodsNote != "":
		lines = append(lines, t.Label.Render(c.PodsNote))
	case len(c.Pods) == 0 && m.detail.loaded && m.reading():
		lines = append(lines, t.Label.Render("reading"+t.Symbols.Ellipsis))
	case len(c.Pods) == 0 && m.detail.loaded:
		lines = append(lines, t.Label.Render("none known"))
	}
	for i, p := range m.podsInNeed(height - len(lines)) {
		if len(lines) == height-1 && i < len(c.Pods)-1 {
			return append(lines, t.Label.Render("and "+plural(len(c.Pods)-i, "more pod")))
		}
		lines = append(lines, m.pod(p, width))
	}
	return lines[:min(len(lines), max(0, height))]
}

// podsInNeed is the order of the pods: the canary's, then the primary's; where they do not all fit,
// those that are not ready come first.
func (m *model) podsInNeed(room int) []*view.Pod {
	pods := m.detail.canary.Pods
	order := make([]*view.Pod, len(pods))
	for i := range pods {
		order[i] = &pods[i]
	}
	rank := func(p *view.Pod) int {
		r := 0
		if p.Ready && len(pods) > room {
			r += 2
		}
		if p.Side == view.SidePrimary {
			r++
		}
		return r
	}
	slices.SortStableFunc(order, func(a, b *view.Pod) int { return rank(a) - rank(b) })
	return order
}

func (m *model) pod(p *view.Pod, width int) string {
	t, s := &m.theme, &m.theme.Symbols
	style := t.Primary
	if p.Side == view.SideCanary {
		style = t.Canary
	}
	sign := t.Pass.Render(s.Passed)
	reason := p.Reason
	if !p.Ready {
		sign = t.Warn.Render(s.Waiting)
		reason = t.Warn.Render(reason)
	}
	right := fmt.Sprintf("%d/%d %s", p.ReadyContainers, p.Containers, reason)
	if p.Restarts > 0 {
		right += t.Warn.Render(" " + s.Times + count(p.Restarts))
	}
	lead := style.Render(cells.Pad(string(p.Side), labelWidth)) + sign + " "
	// The end of a pod's name is what tells it from its siblings.
	name := p.Name
	room := max(10, width-labelWidth-2-2-ansi.StringWidth(right))
	if target := m.detail.canary.Target.Name; ansi.StringWidth(name) > room { // the side says that much
		name = strings.TrimPrefix(strings.TrimPrefix(name, target+"-primary-"), target+"-")
	}
	if over := ansi.StringWidth(name) - room; over > 0 {
		name = ansi.TruncateLeft(name, over+1, s.Ellipsis)
	}
	return lead + cells.Pad(name, room) + "  " + cells.Cut(right, width-labelWidth-4-room, s.Ellipsis)
}
