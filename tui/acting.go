package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// The verbs the keys stand for, as in view.Canary.Verbs.
const (
	verbPromote = "promote"
	verbStep    = "promote-step"
	verbAbort   = "abort"
	verbPause   = "pause"
	verbResume  = "resume"
)

// reason is the record of where a verb came from.
const reason = "kubectl canary watch"

// press handles a key. An open dialog gets it first, then the help, then the screen; ctrl+c passes
// them all.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	k := &m.keys
	switch {
	case key.Matches(msg, k.Interrupt):
		m.quit = quitInterrupted
		return tea.Quit
	case key.Matches(msg, k.Suspend):
		return tea.Suspend
	case m.dialog != nil:
		return m.pressDialog(msg)
	case m.help:
		// Any key closes the help; none acts through it.
		m.help = false
		return nil
	}
	if verb := m.verbOf(msg); verb != "" {
		return m.ask(verb)
	}
	switch {
	case key.Matches(msg, k.Quit):
		m.quit = quitByKey
		return tea.Quit
	case key.Matches(msg, k.Help):
		m.help = true
	case key.Matches(msg, k.Down):
		m.scroll(1)
	case key.Matches(msg, k.Up):
		m.scroll(-1)
	case key.Matches(msg, k.Top):
		m.scroll(-len(m.detail.canary.Events))
	case key.Matches(msg, k.Bottom):
		m.scroll(len(m.detail.canary.Events))
	case key.Matches(msg, k.Focus):
		m.detail.focus = (m.detail.focus + 1) % panels
	case key.Matches(msg, k.Glyphs):
		m.glyphs = m.glyphs.Next()
	}
	return nil
}

// verbOf is the operator verb of a key, or "".
func (m *model) verbOf(msg tea.KeyPressMsg) string {
	switch k := &m.keys; {
	case key.Matches(msg, k.Promote):
		return verbPromote
	case key.Matches(msg, k.Step):
		return verbStep
	case key.Matches(msg, k.Abort):
		return verbAbort
	case key.Matches(msg, k.Pause):
		return m.pauseVerb()
	}
	return ""
}

// pauseVerb is what the pause key does now.
func (m *model) pauseVerb() string {
	if m.detail.canary.Paused() {
		return verbResume
	}
	return verbPause
}

// refusal says why a verb cannot be used now; empty when it can.
func (m *model) refusal(verb string) string {
	switch {
	case m.readOnly:
		return "this screen is read-only"
	case m.detail.gone:
		return "the canary was deleted"
	case !m.detail.loaded:
		return "nothing is known of the canary yet"
	case m.status.waiting() && (verb != verbAbort || m.status.verb == verbAbort):
		// An abort must be possible while another verb hangs.
		return "waiting for the answer to " + m.status.verb
	}
	v := m.detail.canary.Verb(verb)
	if !v.Enabled && v.Reason == "" {
		return "not possible now"
	}
	return v.Reason
}

// ask opens the confirmation of a verb, or says why there is nothing to confirm.
func (m *model) ask(verb string) tea.Cmd {
	if why := m.refusal(verb); why != "" {
		m.status.say(m.clock, toneWarn, verb+": "+why)
		return nil
	}
	m.dialog = newDialog(verb, m.detail.canary.Revision, m.clock)
	return m.dialog.wake()
}

// pressDialog handles a key while a confirmation is open.
func (m *model) pressDialog(msg tea.KeyPressMsg) tea.Cmd {
	if key.Matches(msg, m.keys.Cancel) { // always safe, so never swallowed
		m.dialog = nil
		return nil
	}
	armed := m.dialog.armed(m.clock)
	m.dialog.lastKey = m.clock
	if !armed || msg.IsRepeat {
		return m.dialog.wake()
	}
	if !key.Matches(msg, m.keys.Confirm) {
		return nil
	}
	verb, revision := m.dialog.verb, m.dialog.revision
	m.dialog = nil
	if why := m.refusal(verb); why != "" {
		m.status.say(m.clock, toneWarn, verb+": "+why)
		return nil
	}
	id := m.status.send(m.clock, verb)
	return do(m.ctx, m.actions, id, Request{Verb: verb, Revision: revision, Reason: reason})
}

// dropDialog closes a confirmation whose question no longer holds.
func (m *model) dropDialog(why string) {
	if m.dialog == nil {
		return
	}
	m.status.say(m.clock, toneWarn, m.dialog.verb+" was not sent: "+why)
	m.dialog = nil
}

// do is the command that carries a verb out. It touches nothing of the model.
func do(ctx context.Context, a Actions, id int, r Request) tea.Cmd {
	return func() tea.Msg {
		outcome, err := a.Do(ctx, r)
		return answerMsg{id: id, verb: r.Verb, outcome: outcome, err: err}
	}
}

func (m *model) answer(msg answerMsg) {
	text := view.Clean(msg.outcome.Message)
	switch {
	case errors.Is(msg.err, context.Canceled):
		m.status.done(m.clock, msg.id, toneWarn, msg.verb+": left before the answer came")
	case msg.err != nil:
		m.status.done(m.clock, msg.id, toneFail, msg.verb+" failed: "+view.Clean(msg.err.Error()))
	case !msg.outcome.Accepted:
		m.status.done(m.clock, msg.id, toneFail, msg.verb+" refused: "+text)
	default:
		m.status.done(m.clock, msg.id, tonePass, msg.verb+" accepted: "+text)
	}
}

// question is what a confirmation asks, and effect what will happen.
func (m *model) question(verb string) (question, effect string) {
	c := &m.detail.canary
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
		return "Pause " + where + "?", m.holds() + " until somebody resumes; checks go on."
	case verbResume:
		return "Resume " + where + "?", fmt.Sprintf("The run goes on from step %d of %d.", c.CurrentStep, c.TotalSteps)
	}
	return verb + " " + where + "?", ""
}

// holds is what a pause does.
func (m *model) holds() string {
	c := &m.detail.canary
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
