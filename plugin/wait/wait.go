package wait

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output
	cli.Selection

	For      string
	Revision string
	Timeout  time.Duration
	Quiet    bool

	goal follow.Goal
}

// NewWaitCmd builds the command. A nil runF runs it.
func NewWaitCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "wait (NAME… | -l SELECTOR | --all) --for=GOAL",
		Short: "Wait until canaries have succeeded, or reached another state",
		Long: `Wait until every canary has reached the goal, and print a line per change.

Goals:
  succeeded            the revision is the primary's and nothing is under way
  promoted             the revision is the primary's; the rest may still be under way
  failed               the run failed, was rolled back or aborted
  paused               the run is paused
  waiting              the run waits for an approval, at a gate or a hook
  phase=PHASE          the canary is in a phase
  condition=TYPE       a condition is True; =False or =Unknown may follow
  deleted              the canary is gone

The wait is for the revision that the target has when the command begins: right
after "kubectl set image" that is the new one, even if the agent has yet to see
it, so that an old Succeeded is not taken for the new one's. With --revision the
wait is for another, such as the pod-template-hash of a ReplicaSet;
--revision=any takes the status as it is. A change of tracked ConfigMaps or
Secrets alone is not a change of the target.

Without --timeout there is no bound, since a run may take hours; kubectl wait has
30s. A pipeline should give one.

` + cli.ExitCodesHelp + `

The code is 3 as well when the goal cannot be reached any more, for instance
because another revision took the place of the one that is waited for. Of
several canaries all are waited for, and the worst code wins: 3, then 1, then 4.`,
		Example: `  # In a pipeline
  kubectl set image deployment/app app=shop/app:2.0
  kubectl canary wait app --for=succeeded --timeout 30m

  # Until somebody has to approve
  kubectl canary wait app --for=waiting --timeout 10m

  # All canaries of a team
  kubectl canary wait -l team=shop --for=condition=Ready --timeout 5m`,
		ValidArgsFunction: deps.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			if err := o.Complete(cmd, args); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.Output.AddFlags(cmd)
	o.Selection.AddFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.For, "for", "", "What to wait for: succeeded, promoted, failed, paused, waiting, phase=PHASE, condition=TYPE[=STATUS] or deleted.")
	flags.StringVar(&o.Revision, "revision", "", "The revision to wait for; default is that of the target, any takes the status as it is.")
	flags.DurationVar(&o.Timeout, "timeout", 0, "End with code 4 after this time; 0 for never.")
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "Leave out the lines about changes.")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(follow.Goals(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("revision", cobra.FixedCompletions([]string{follow.Any}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	if o.For == "" {
		return cli.Usagef("wait for what? --for takes one of succeeded, promoted, failed, paused, waiting, phase=PHASE, condition=TYPE[=STATUS] or deleted")
	}
	var err error
	if o.goal, err = follow.ParseGoal(o.For); err != nil {
		return cli.Usagef("--for: %w", err)
	}
	switch {
	case o.Timeout < 0:
		return cli.Usagef("--timeout must not be negative; 0 is for never")
	case o.Revision != "" && o.goal.Deletion():
		return cli.Usagef("--revision says nothing about a deletion")
	}
	return o.Output.Validate()
}

// Complete reads the arguments and finds out the namespace.
func (o *Options) Complete(cmd *cobra.Command, args []string) error {
	if err := o.Selection.Complete(o.Deps, cmd, args); err != nil {
		return err
	}
	if o.Revision != follow.Any && len(o.Selection.Names) != 1 && o.Revision != "" {
		return cli.Usagef("--revision names the revision of one canary; for several use --revision=any, or leave it out")
	}
	return nil
}

// Run waits.
func (o *Options) Run(ctx context.Context) error {
	options := follow.Options{
		Deps: o.Deps, Selection: o.Selection, Goal: o.goal, Revision: o.Revision, Timeout: o.Timeout,
		Concluded: o.concluded,
	}
	if !o.Quiet && o.Table() {
		options.Changed = func(line string) error {
			_, err := fmt.Fprintf(o.Streams.Out, "%s  %s\n", o.Now().Format(time.TimeOnly), line)
			return err
		}
	}
	results, err := follow.Run(ctx, options)
	if err != nil {
		return err
	}
	if !o.Table() {
		if err := o.print(results); err != nil {
			return err
		}
	}
	if len(results) == 1 {
		return results[0].Err
	}
	if code := follow.Code(results); code != cli.CodeDone {
		return &cli.ExitError{Code: code} // Each has said why.
	}
	return nil
}

// concluded says what became of one canary. Of a single one the error says it.
func (o *Options) concluded(r follow.Result) error {
	switch {
	case r.Err == nil && o.Table():
		name := cli.Resource(r.Name)
		if o.AllNamespaces {
			name += " in namespace " + r.Namespace
		}
		_, err := fmt.Fprintf(o.Streams.Out, "%s condition met\n", view.Clean(name))
		return err
	case r.Err != nil && !o.Single():
		where := ""
		if o.AllNamespaces {
			where = "namespace " + r.Namespace + ": "
		}
		_, err := fmt.Fprintf(o.Streams.ErrOut, "error: %s\n", view.Clean(where+r.Err.Error()))
		return err
	}
	return nil
}

// Result is what -o prints of one canary.
type Result struct {
	// Canary that was waited for.
	Canary string `json:"canary"`
	// For is the goal.
	For string `json:"for"`
	// Revision that was waited for; left out for any.
	Revision string `json:"revision,omitempty"`
	// Result is Met, Impossible, TimedOut, Deleted or NotFound.
	Result follow.State `json:"result"`
	// ExitCode is what the command ends with for this one.
	ExitCode int `json:"exitCode"`
	// Message says why it was not met.
	Message string `json:"message,omitempty"`
	// Phase that was last seen.
	Phase string `json:"phase,omitempty"`
	// Waited is how long it took.
	Waited view.Duration `json:"waited"`
}

func (o *Options) print(results []follow.Result) error {
	items := make([]unstructured.Unstructured, 0, len(results))
	for _, r := range results {
		item := Result{
			Canary: r.Name, For: o.goal.String(), Revision: r.Revision, Result: r.State, ExitCode: cli.CodeOf(r.Err),
			Phase: r.View.Phase, Waited: view.Duration{Duration: r.Waited.Round(time.Millisecond)},
		}
		if r.Err != nil {
			item.Message = strings.TrimSpace(r.Err.Error())
		}
		object, err := view.Object("WaitResult", r.Namespace, r.Name, item)
		if err != nil {
			return err
		}
		items = append(items, *object)
	}
	if len(items) == 1 && o.Single() {
		return o.Print(&o.Output, &items[0])
	}
	return o.Print(&o.Output, view.List(items))
}
