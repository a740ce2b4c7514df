package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// ChangeOptions of `gate open` and `gate close`.
type ChangeOptions struct {
	cli.Deps
	cli.Output

	// Close is set for `gate close`.
	Close bool

	Namespace, Name string
	// Gate by name, or as TYPE/NAME where several have it; empty for the only one that makes sense.
	Gate         string
	Reason       string
	Yes          bool
	Timeout      time.Duration
	DryRun       cli.DryRun
	FieldManager string
}

// Change is what -o json prints of what was done.
type Change struct {
	Canary   string `json:"canary"`
	Gate     string `json:"gate"`
	Type     Type   `json:"type"`
	HookType string `json:"hookType,omitempty"`
	At       string `json:"at"`
	// State after the change: Approved, Open or Closed.
	State string `json:"state"`
	// DryRun is client or server when nothing was kept.
	DryRun string `json:"dryRun,omitempty"`
	// Next says what happens now.
	Next string `json:"next,omitempty"`
}

// NewOpenCmd builds `gate open`. A nil runF runs it.
func NewOpenCmd(deps cli.Deps, runF func(context.Context, *ChangeOptions) error) *cobra.Command {
	return newChangeCmd(&ChangeOptions{Deps: deps}, runF, &cobra.Command{
		Use:   "open NAME [GATE]",
		Short: "Open a gate, so that the run goes on",
		Long: `Open a gate of a canary. One of spec.analysis.gates is approved, as with "kubectl
canary approve"; one that a load tester keeps is opened there, through the API
server, and stays open for later runs until it is closed.

A gate at "rollback" works the other way round: opened, it ends the run.

Without GATE it is the one that the run waits at, or the only one there is.`,
		Example: `  # Open the gate that the run waits at
  kubectl canary gate open app

  # Open a certain one
  kubectl canary gate open app qa --reason "tested by hand"

  # Two webhooks have the same name: say which by its type
  kubectl canary gate open app confirm-promotion/gate`,
	})
}

// NewCloseCmd builds `gate close`. A nil runF runs it.
func NewCloseCmd(deps cli.Deps, runF func(context.Context, *ChangeOptions) error) *cobra.Command {
	return newChangeCmd(&ChangeOptions{Deps: deps, Close: true}, runF, &cobra.Command{
		Use:   "close NAME [GATE]",
		Short: "Close a load tester's gate",
		Long: `Close a gate that a load tester keeps, so that runs wait there again.

Gates of spec.analysis.gates are closed for every run until they are approved; what
ends a run that waits at one is "kubectl canary reject".`,
		Example: `  # Have the next run wait for somebody again
  kubectl canary gate close app acceptance`,
	})
}

func newChangeCmd(o *ChangeOptions, runF func(context.Context, *ChangeOptions) error, cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return cli.Usagef("which canary? usage: %s", cmd.UseLine())
		case len(args) > 2:
			return cli.Usagef("one gate at a time, but there are %d arguments; usage: %s", len(args), cmd.UseLine())
		}
		_, err := cli.Name(args[0])
		return err
	}
	cmd.ValidArgsFunction = completeGates(o.Deps)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.Validate(); err != nil {
			return err
		}
		if err := o.Complete(args); err != nil {
			return err
		}
		if runF != nil {
			return runF(cmd.Context(), o)
		}
		return o.Run(cmd.Context())
	}
	o.AddFlags(cmd)
	o.DryRun.AddFlag(cmd)
	flags := cmd.Flags()
	if !o.Close {
		flags.StringVar(&o.Reason, "reason", "", "Why, for a gate of spec.analysis.gates; kept in the status and an event.")
		flags.StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	}
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask on a terminal.")
	flags.DurationVar(&o.Timeout, "timeout", defaultTimeout, "How long to wait for the answer of the agent or of the load tester.")
	return cmd
}

// Validate finds flags that make no sense.
func (o *ChangeOptions) Validate() error {
	switch {
	case o.Timeout <= 0:
		return cli.Usagef("--timeout must be positive")
	case !o.Close && o.FieldManager == "":
		return cli.Usagef("--field-manager must not be empty")
	}
	return o.Output.Validate()
}

// Complete reads the arguments and finds out the namespace.
func (o *ChangeOptions) Complete(args []string) error {
	var err error
	if o.Name, err = cli.Name(args[0]); err != nil {
		return err
	}
	if len(args) > 1 {
		o.Gate = args[1]
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run finds the gate, asks, and opens or closes it.
func (o *ChangeOptions) Run(ctx context.Context) error {
	seen, gates, err := read(ctx, o.Deps, o.Namespace, o.Name)
	if err != nil {
		return err
	}
	g, err := o.choose(gates)
	if err != nil {
		return err
	}
	if err := o.possible(g, seen); err != nil {
		return err
	}
	if !o.Yes && o.DryRun.String() == string(cli.DryRunNone) {
		yes, err := o.Confirm(ctx, o.question(g))
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("nothing was done")
		}
	}
	change := Change{Canary: o.Name, Gate: g.Name, Type: g.Type, HookType: g.HookType, At: g.At, State: Open}
	if o.DryRun.Options() != nil || o.DryRun == cli.DryRunClient {
		change.DryRun = o.DryRun.String()
	}
	if g.Type == Native {
		change.State = string(v1beta1.GateApproved)
		change.Next, err = o.approve(ctx, g, seen)
	} else {
		if o.Close {
			change.State = Closed
		}
		change.Next, err = o.turn(ctx, g, seen)
	}
	if err != nil {
		return err
	}
	return o.print(change)
}

func (o *ChangeOptions) verb() string {
	if o.Close {
		return "close"
	}
	return "open"
}

// choose finds the gate that is meant.
func (o *ChangeOptions) choose(gates []Gate) (*Gate, error) {
	if len(gates) == 0 {
		return nil, fmt.Errorf("canary %q has no gate: neither spec.analysis.gates nor a webhook that confirms something", o.Name)
	}
	var candidates []*Gate
	if o.Gate != "" {
		for i := range gates {
			if g := &gates[i]; o.Gate == g.Name || o.Gate == g.ID() {
				candidates = append(candidates, g)
			}
		}
		if len(candidates) == 0 {
			return nil, fmt.Errorf("canary %q has no gate %q; it has %s", o.Name, o.Gate, listed(pointers(gates)))
		}
	} else if candidates = o.likely(gates); len(candidates) == 0 {
		candidates = pointers(gates)
	}
	if len(candidates) > 1 {
		return nil, cli.Usagef("which gate? canary %q has %s", o.Name, listed(candidates))
	}
	return candidates[0], nil
}

// likely are the gates that can be meant without a name: those that the run waits at, or else all
// that can be changed. What ends a run is never guessed.
func (o *ChangeOptions) likely(gates []Gate) []*Gate {
	var out, waiting []*Gate
	for i := range gates {
		g := &gates[i]
		if !g.changeable(o.Close) || g.HookType == string(v1beta1.HookRollback) {
			continue
		}
		out = append(out, g)
		if g.State == Waiting && !o.Close {
			waiting = append(waiting, g)
		}
	}
	if len(waiting) > 0 {
		return waiting
	}
	return out
}

func pointers(gates []Gate) []*Gate {
	out := make([]*Gate, 0, len(gates))
	for i := range gates {
		out = append(out, &gates[i])
	}
	return out
}

func listed(gates []*Gate) string {
	words := make([]string, 0, len(gates))
	for _, g := range gates {
		words = append(words, g.describe())
	}
	return strings.Join(words, ", ")
}

// possible refuses what cannot be done, and says what can.
func (o *ChangeOptions) possible(g *Gate, seen view.Canary) error {
	name := fmt.Sprintf("gate %q of canary %q", g.Name, o.Name)
	switch {
	case g.Type == Native && o.Close:
		return fmt.Errorf("%s is one of spec.analysis.gates: it is closed for every run until somebody approves it; "+
			"to end the run that waits there: kubectl canary reject %s -n %s --gate %s", name, o.Name, o.Namespace, word(g.Name))
	case g.Type == Native && seen.Foreign:
		return fmt.Errorf("%s cannot be approved: another controller runs this canary, and does not know spec.analysis.gates", name)
	case g.Type == Webhook:
		return fmt.Errorf("%s is decided by %s, which is not a load tester's gate: it passes when that answers 200", name, g.URL)
	case g.Type == LoadTester && g.tester.endpoint == "approve":
		return fmt.Errorf("%s is always open: its URL ends in /gate/approve; one that can be closed ends in /gate/check", name)
	case g.Type == LoadTester && g.tester.endpoint == "halt":
		return fmt.Errorf("%s is always closed: its URL ends in /gate/halt; one that can be opened ends in /gate/check", name)
	}
	return nil
}

func (o *ChangeOptions) question(g *Gate) string {
	what := o.verb()
	question := strings.ToUpper(what[:1]) + what[1:] + " gate " + g.Name
	if g.HookType == string(v1beta1.HookRollback) && !o.Close {
		question += ", which rolls the canary back"
	}
	question += fmt.Sprintf("? Canary %s, namespace %s", o.Name, o.Namespace)
	if name := o.Cluster.Context(); name != "" {
		question += ", context " + name
	}
	return view.Clean(question + ".")
}

// approve sends the verb to the agent and waits for its answer.
func (o *ChangeOptions) approve(ctx context.Context, g *Gate, seen view.Canary) (next string, err error) {
	if o.DryRun == cli.DryRunClient {
		return "", nil
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return "", err
	}
	sender := intent.Sender{Client: client, Now: o.Now}
	sent, err := sender.Send(ctx, seen, intent.Request{
		Verb: v1beta1.VerbApprove, Reason: o.Reason, Revision: intent.Revision(v1beta1.VerbApprove, seen),
		Gate: g.Name, FieldManager: o.FieldManager, DryRun: o.DryRun,
	})
	if denied := intent.Denied(err, v1beta1.VerbApprove, o.Namespace, o.Name); denied != nil {
		return "", denied
	}
	if err != nil {
		return "", o.Explain(ctx, err, "approve gate "+g.Name+" of", o.Namespace, o.Name)
	}
	if o.DryRun == cli.DryRunServer {
		return "", nil
	}
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	answer, err := sender.Wait(waiting, sent)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded):
		return "", cli.TimedOut("no agent answered within %s: the verb stays in the annotations of canary %q, and an agent that starts acts on it; is one running? (kubectl canary version)",
			o.Timeout, o.Name)
	case err != nil:
		return "", o.Explain(ctx, err, "wait for the answer about", o.Namespace, o.Name)
	case answer.Overtaken:
		return "", fmt.Errorf("gate %q of canary %q: %s; see: kubectl canary status %s",
			g.Name, o.Name, view.Clean(answer.Message), o.Name)
	case !answer.Accepted:
		return "", fmt.Errorf("gate %q of canary %q was not opened: %s", g.Name, o.Name, view.Clean(answer.Message))
	}
	return answer.Message, nil
}

// turn opens or closes the gate at the load tester. A dry run at the server asks for its state, which
// needs the same rights and changes nothing.
func (o *ChangeOptions) turn(ctx context.Context, g *Gate, seen view.Canary) (next string, err error) {
	if o.DryRun == cli.DryRunClient {
		return "", nil
	}
	endpoint, fine := o.verb(), []int{http.StatusOK, http.StatusAccepted}
	if o.DryRun == cli.DryRunServer {
		endpoint, fine = "check", append(fine, http.StatusForbidden)
	}
	code, reply, err := ask(ctx, o.Deps, g, endpoint, o.Timeout)
	switch {
	case errors.Is(err, errElsewhere):
		return "", fmt.Errorf("gate %q of canary %q cannot be reached from here: %w; where it can: %s",
			g.Name, o.Name, err, g.tester.curl(o.verb(), g.Namespace, g.Canary))
	case err != nil:
		return "", err
	case slices.Contains(fine, code):
		return o.next(g, seen), nil
	case code == http.StatusForbidden:
		return "", fmt.Errorf("%s refuses to %s gate %q: it does not serve namespace %s (its flag -namespace-regexp)", g.where(), o.verb(), g.Name, g.Namespace)
	}
	return "", fmt.Errorf("%s did not %s gate %q: it answered %s", g.where(), o.verb(), g.Name, said(code, reply))
}

func (o *ChangeOptions) print(change Change) error {
	if !o.Table() {
		object, err := view.Object("GateChange", o.Namespace, change.Gate, change)
		if err != nil {
			return err
		}
		return o.Print(&o.Output, object)
	}
	done := "opened"
	if o.Close {
		done = "closed"
	}
	line := fmt.Sprintf("%s gate %s %s%s", cli.Resource(o.Name), change.Gate, done, o.DryRun.Suffix())
	if _, err := fmt.Fprintln(o.Streams.Out, view.Clean(line)); err != nil || change.Next == "" || change.DryRun != "" {
		return err
	}
	_, err := fmt.Fprintln(o.Streams.ErrOut, view.Clean(change.Next))
	return err
}
