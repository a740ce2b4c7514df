package livemetrics

import (
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// notes say why metrics have no value; what holds for several is said once.
type notes []note

type note struct {
	metrics []string
	why     string
}

// add notes a cause; the metric is empty when it is about all.
func (n *notes) add(metric string, err error) {
	why := err.Error()
	for i := range *n {
		if one := &(*n)[i]; one.why == why {
			if !slices.Contains(one.metrics, metric) {
				one.metrics = append(one.metrics, metric)
			}
			return
		}
	}
	*n = append(*n, note{[]string{metric}, why})
}

func (n notes) clone() notes {
	out := slices.Clone(n)
	for i := range out {
		out[i].metrics = slices.Clone(out[i].metrics)
	}
	return out
}

// longestNote bounds a note, in bytes before it is cleaned.
const longestNote = 600

// line is one line for the screen; empty when there is nothing to say. What holds for all metrics
// names none of them.
func (n notes) line(metrics int) string {
	if len(n) == 0 {
		return ""
	}
	var out []string
	for _, one := range n {
		if len(one.metrics) < metrics && one.metrics[0] != "" {
			out = append(out, strings.Join(one.metrics, ", ")+": "+one.why)
		} else {
			out = append(out, one.why)
		}
	}
	text := "live values: " + strings.Join(out, "; ")
	if len(text) > longestNote {
		text = strings.ToValidUTF8(text[:longestNote], "") + "…"
	}
	return view.Clean(text)
}
