package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// The verbs the keys stand for, as in view.Canary.Verbs.
const (
	verbPromote  = "promote"
	verbStep     = "promote-step"
	verbAbort    = "abort"
	verbPause    = "pause"
	verbResume   = "resume"
	verbRetry    = "retry"
	verbRollback = "rollback"
	verbApprove  = "approve"
	verbReject   = "reject"
)

// defaultReason is the record of where a verb came from, unless the operator types another.
const defaultReason = "kubectl canary watch"

// subject is the canary that commands are about; nil when there is none.
func (m *model) subject() *view.Canary {
	if m.screen != inFleet {
		return &m.detail.canary
	}
	if c, ok := m.fleet.table.Selected(); ok {
		return &c
	}
	return nil
}

// verb is what a command does now: the pause key also resumes.
func (m *model) verb(c *command) string {
	if s := m.subject(); c.verb == verbPause && s != nil && s.Paused() {
		return verbResume
	}
	return c.verb
}

// refusal says why a verb cannot be used on a canary now; empty when it can.
func (m *model) refusal(verb string, c *view.Canary) string {
	switch {
	case m.playback != nil:
		return "this is a recording"
	case m.detail.replay != nil && m.screen == inDetail:
		return "this is a replay; esc leaves it"
	case m.readOnly:
		return "this screen is read-only"
	case c == nil:
		return "no canary is selected"
	case m.screen != inFleet && m.detail.gone:
		return "the canary was deleted"
	case m.screen != inFleet && !m.detail.loaded:
		return "nothing is known of the canary yet"
	case m.status.waiting() && m.status.key == c.Key() && (verb != verbAbort || m.status.verb == verbAbort):
		// An abort must be possible while another verb hangs.
		return "waiting for the answer to " + m.status.verb
	}
	v := c.Verb(verb)
	switch {
	case !v.Enabled && v.Reason == "":
		return "not possible now"
	case !v.Enabled:
		return v.Reason
	case m.detail.rightsOf == c.Key():
		return m.detail.refusals[verb]
	}
	return ""
}

// ask opens the confirmation of a verb, or says why there is nothing to confirm.
func (m *model) ask(verb string) tea.Cmd {
	c := m.subject()
	if why := m.refusal(verb, c); why != "" {
		m.status.say(m.clock, toneWarn, verb+": "+why)
		return nil
	}
	m.dialog = newDialog(verb, *c, m.clock)
	if m.detail.rightsOf == c.Key() {
		return m.dialog.wake()
	}
	return tea.Batch(m.dialog.wake(), m.askRights(c))
}

// askRights finds out what the user may do with a canary, where the source can tell.
func (m *model) askRights(c *view.Canary) tea.Cmd {
	rights, ok := m.source.(source.Rights)
	if !ok || m.readOnly || m.playback != nil {
		return nil
	}
	ctx, namespace, name := m.ctx, c.Namespace, c.Name
	return func() tea.Msg {
		refusals, err := rights.Refusals(ctx, namespace, name)
		return rightsMsg{key: namespace + "/" + name, refusals: refusals, err: err}
	}
}

// takeRights notes what the user may not do. An error changes nothing: the API server decides in the
// end, and says so.
func (m *model) takeRights(msg rightsMsg) {
	if msg.err != nil {
		return
	}
	for verb, why := range msg.refusals {
		msg.refusals[verb] = view.Clean(why)
	}
	m.detail.rightsOf, m.detail.refusals = msg.key, msg.refusals
	if d := m.dialog; d != nil && d.canary.Key() == msg.key && msg.refusals[d.verb] != "" {
		m.dropDialog(msg.refusals[d.verb])
	}
}

// pressDialog handles a key while a confirmation is open.
func (m *model) pressDialog(msg tea.KeyPressMsg) tea.Cmd {
	if matches(msg, keyCancel) { // always safe, so never swallowed
		m.dialog = nil
		return nil
	}
	armed := m.dialog.armed(m.clock)
	m.dialog.lastKey = m.clock
	switch {
	case !armed || msg.IsRepeat:
		return m.dialog.wake()
	case matches(msg, keyReason):
		m.prompt = newPrompt(promptReason, "reason: ", m.dialog.reason)
	case matches(msg, keyConfirm):
		return m.send()
	}
	return nil
}

// send carries out what was confirmed.
func (m *model) send() tea.Cmd {
	d := m.dialog
	m.dialog = nil
	if why := m.refusal(d.verb, &d.canary); why != "" {
		m.status.say(m.clock, toneWarn, d.verb+": "+why)
		return nil
	}
	r := Request{
		Namespace: d.canary.Namespace, Name: d.canary.Name,
		Verb: d.verb, Revision: d.canary.Revision, Reason: d.reason,
	}
	if gate, waits := d.canary.WaitingGate(); waits && (d.verb == verbApprove || d.verb == verbReject) {
		r.Gate = gate.Name
	}
	if r.Reason == "" {
		r.Reason = defaultReason
	}
	about := ""
	if m.root == inFleet {
		about = d.canary.Name
	}
	id := m.status.send(m.clock, d.verb, d.canary.Key(), about)
	return do(m.ctx, m.actions, id, d.canary, about, r)
}

// review compares an open confirmation with a newer state of its canary, and closes it when the
// question no longer holds: another revision is rolled out, or the verb has become impossible.
func (m *model) review(c *view.Canary) {
	d := m.dialog
	if d == nil {
		return
	}
	if c.Revision != d.canary.Revision {
		m.dropDialog("another revision is being rolled out now")
	} else if v := c.Verb(d.verb); !v.Enabled {
		m.dropDialog(v.Reason)
	}
}

// dropDialog closes a confirmation and says why.
func (m *model) dropDialog(why string) {
	if m.dialog == nil {
		return
	}
	m.status.say(m.clock, toneWarn, m.dialog.verb+" was not sent: "+why)
	m.dialog = nil
	if m.prompt != nil && m.prompt.kind == promptReason {
		m.prompt = nil
	}
}

// do is the command that carries a verb out. It touches nothing of the model.
func do(ctx context.Context, a Actions, id int, seen view.Canary, about string, r Request) tea.Cmd {
	return func() tea.Msg {
		outcome, err := a.Do(ctx, seen, r)
		return answerMsg{id: id, verb: r.Verb, key: seen.Key(), name: about, outcome: outcome, err: err}
	}
}

func (m *model) answer(msg answerMsg) {
	text, what := view.Clean(msg.outcome.Message), msg.verb
	if msg.name != "" {
		what += " of " + msg.name
	}
	switch {
	case errors.Is(msg.err, context.Canceled):
		m.status.done(m.clock, msg.id, toneWarn, what+": left before the answer came")
	case msg.err != nil:
		m.status.done(m.clock, msg.id, toneFail, what+" failed: "+clean(msg.err))
	case !msg.outcome.Accepted:
		m.status.done(m.clock, msg.id, toneFail, what+" refused: "+text)
	default:
		m.status.done(m.clock, msg.id, tonePass, what+" accepted: "+text)
	}
}

// question is what a confirmation asks, and effect what will happen.
func (m *model) question(verb string, c *view.Canary) (question, effect string) {
	where := fmt.Sprintf("%s in %s", c.Name, c.Namespace)
	if m.context != "" {
		where += " on context " + m.context
	}
	revision := "the new revision"
	if c.Revision != "" {
		revision = "revision " + cells.ShortRevision(c.Revision)
	}
	switch verb {
	case verbPromote:
		left := ""
		if n := c.TotalSteps - c.CurrentStep; n > 0 && c.TotalSteps > 0 {
			left = fmt.Sprintf(" The remaining %s and their checks are skipped.", plural(n, "step"))
		}
		return "Promote " + where + "?", "The primary is rolled to " + revision + " now." + left
	case verbStep:
		effect = "The promotion begins without the check of the last step."
		if i := c.CurrentStep; i < len(c.Steps) && i >= 0 {
			effect = fmt.Sprintf("Step %d ends now, without its check; the canary gets %s.", i, c.Gets(c.Steps[i]))
		}
		return "Promote one step of " + where + "?", effect
	case verbAbort:
		return "Abort " + where + "?", "All traffic returns to the primary at once; " + revision + " is rejected."
	case verbPause:
		return "Pause " + where + "?", holds(c) + " until somebody resumes; checks go on."
	case verbResume:
		return "Resume " + where + "?", fmt.Sprintf("The run goes on from step %d of %d.", c.CurrentStep, c.TotalSteps)
	case verbRetry:
		return "Retry " + where + "?", "A new run of revision " + cells.ShortRevision(c.TargetRevision) + " begins, from the first step."
	case verbRollback:
		effect = "The primary goes back to the revision before " + cells.ShortRevision(c.PromotedRevision) + "."
		if c.PromotionUnsettled() {
			effect = "The primary goes back to the promoted revision, " + cells.ShortRevision(c.PromotedRevision) + "."
		}
		return "Roll back " + where + "?", effect
	case verbApprove, verbReject:
		gate, _ := c.WaitingGate()
		if verb == verbApprove {
			return fmt.Sprintf("Approve gate %s of %s?", gate.Name, where), "The run goes on at once."
		}
		return fmt.Sprintf("Reject gate %s of %s?", gate.Name, where), "All traffic returns to the primary; " + revision + " is rejected."
	}
	return verb + " " + where + "?", ""
}

// holds is what a pause does.
func holds(c *view.Canary) string {
	if step, running := c.Current(); running && c.Weight > 0 {
		return "The canary keeps " + c.Gets(step)
	}
	return "The run does not go on"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// quiet and ceiling are the grace period of a dialog: keys typed ahead are swallowed until none has
// come for quiet, but for no longer than ceiling.
const (
	quiet   = 425 * time.Millisecond
	ceiling = 1500 * time.Millisecond
)
