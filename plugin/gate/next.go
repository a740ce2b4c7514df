package gate

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// longestPoll is the longest time between two questions of our agent to a webhook that is asked
// again and again.
const longestPoll = 10 * time.Second

// next says what happens now that a load tester's gate has been opened or closed. The load tester
// tells nobody: whoever runs the canary asks it.
func (o *ChangeOptions) next(g *Gate, seen view.Canary) string {
	rollback := g.HookType == string(v1beta1.HookRollback)
	again := fmt.Sprintf("kubectl canary gate close %s %s -n %s", word(o.Name), word(g.ID()), word(o.Namespace))
	switch {
	case o.Close && rollback:
		return "runs are no longer rolled back by it"
	case o.Close:
		return "runs wait at it until it is opened"
	case rollback && seen.Analysing():
		return fmt.Sprintf("the run is rolled back %s; so is every later one until the gate is closed: %s", within(seen), again)
	case rollback:
		return "no run is under way; the next one is rolled back unless the gate is closed before: " + again
	case g.State == Waiting:
		return fmt.Sprintf("%s %s; the gate stays open until it is closed: %s", begins[g.At], within(seen), again)
	}
	return "no run waits at it now; later ones pass it until it is closed: " + again
}

// begins is what goes on once a gate of a point lets it.
var begins = map[string]string{
	string(v1beta1.GateRollout):   "the run begins",
	string(v1beta1.GateTraffic):   "the next step begins",
	string(v1beta1.GatePromotion): "the promotion begins",
}

// within is when the controller asks the next time.
func within(seen view.Canary) string {
	poll := seen.Interval.Duration
	if !seen.Foreign {
		poll = min(poll, longestPoll)
	}
	return "when the controller asks again, within " + poll.String()
}
