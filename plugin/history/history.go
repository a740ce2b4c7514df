package history

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output
	cli.Selection

	NoHeaders bool
	RunID     string
}

// last is the value of --run for the run under way, or the last one.
const last = "last"

// NewHistoryCmd builds the command. A nil runF runs it.
func NewHistoryCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps, Output: cli.Output{Formats: []string{"wide"}}}
	cmd := &cobra.Command{
		Use:   "history (NAME… | -l SELECTOR | --all)",
		Short: "Show the last runs of a canary",
		Long: `Show the last runs of a canary, newest first, the one under way on top: which
revision, how it ended, how long it took, the most traffic it had, its failed
checks, and whose verb decided it. The agent keeps ten.

With --run one of them is shown in full. Steps and measurements are known of the
current or last run only.`,
		Example: `  kubectl canary history app

  # The last run with its steps and measurements
  kubectl canary history app --run last

  # How the last run of every canary ended
  kubectl canary history --all -A -o jsonpath='{range .items[*]}{.canary}={.runs[0].outcome}{"\n"}{end}'`,
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
	cmd.Flags().BoolVar(&o.NoHeaders, "no-headers", false, "Leave out the header of the table.")
	cmd.Flags().StringVar(&o.RunID, "run", "", `Show one run in full: its ID, as -o wide shows it, or "last".`)
	_ = cmd.RegisterFlagCompletionFunc("run", o.completeRun)
	return cmd
}

// Complete reads the arguments and finds out the namespace.
func (o *Options) Complete(cmd *cobra.Command, args []string) error {
	if err := o.Selection.Complete(o.Deps, cmd, args); err != nil {
		return err
	}
	if o.RunID != "" && !o.Single() {
		return cli.Usagef("--run is about one run of one canary: name one")
	}
	if o.RunID != "" && o.Format == "wide" {
		return cli.Usagef("--run shows one run in full; it cannot be combined with -o wide")
	}
	return nil
}

func (o *Options) completeRun(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	ids := []string{last}
	if len(args) == 1 {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, cli.CompletionPatience)
		defer cancel()
		selection := cli.Selection{}
		if selection.Complete(o.Deps, cmd, args) == nil {
			found, _ := selection.Find(ctx, o.Deps)
			for _, f := range found {
				for _, r := range f.View.Runs() {
					ids = append(ids, r.ID)
				}
			}
		}
	}
	var out []string
	for _, id := range ids {
		if strings.HasPrefix(id, typed) {
			out = append(out, id)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// Run prints the history.
func (o *Options) Run(ctx context.Context) error {
	found, err := o.Find(ctx, o.Deps)
	if err != nil {
		return err
	}
	if o.RunID != "" {
		return o.one(found[0])
	}
	if err := o.print(found); err != nil {
		return err
	}
	return o.words(found)
}

func (o *Options) print(found []cli.Found) error {
	if o.Table() {
		return o.table(found)
	}
	var items []unstructured.Unstructured
	for _, f := range found {
		if f.Err != nil {
			continue
		}
		object, err := view.Object("RunHistory", f.Namespace, f.Name, History{
			Canary: f.Name, Foreign: f.View.Foreign, Runs: append([]view.Run{}, f.View.Runs()...),
		})
		if err != nil {
			return err
		}
		items = append(items, *object)
	}
	if o.Single() && len(items) == 1 {
		return o.Print(&o.Output, &items[0])
	}
	if o.Single() {
		return nil
	}
	return o.Print(&o.Output, view.List(items))
}

// words says what the table cannot: why something is missing.
func (o *Options) words(found []cli.Found) error {
	var problems []error
	for _, f := range found {
		var word string
		switch {
		case f.Err != nil:
			problems = append(problems, f.Err)
			continue
		case f.View.Problem != "":
			word = fmt.Sprintf("canary %s: %s", f.Name, f.View.Problem)
		case f.View.Foreign && o.Single():
			word = fmt.Sprintf("another controller runs canary %s, and keeps no history; its events may tell: kubectl canary events %s -n %s",
				f.Name, f.Name, f.Namespace)
		case len(f.View.Runs()) == 0 && o.Single():
			word = fmt.Sprintf("canary %s has had no run yet", f.Name)
		}
		if word != "" {
			if _, err := fmt.Fprintln(o.Streams.ErrOut, view.Clean(word)); err != nil {
				return err
			}
		}
	}
	if len(problems) == 1 {
		return problems[0]
	}
	for _, problem := range problems {
		if _, err := fmt.Fprintf(o.Streams.ErrOut, "error: %s\n", view.Clean(problem.Error())); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return &cli.ExitError{Code: cli.CodeError}
	}
	return nil
}

// one prints a run in full.
func (o *Options) one(f cli.Found) error {
	if f.Err != nil {
		return f.Err
	}
	all := f.View.Runs()
	if f.View.Foreign || len(all) == 0 {
		return errors.Join(o.words([]cli.Found{f}), fmt.Errorf("there is no run of canary %q to show", f.Name))
	}
	index := -1
	for i, r := range all {
		if r.ID == o.RunID || o.RunID == last && i == 0 {
			index = i
			break
		}
	}
	if index < 0 {
		var ids []string
		for _, r := range all {
			ids = append(ids, r.ID)
		}
		return fmt.Errorf("canary %q has no run %q; there are %s", f.Name, o.RunID, strings.Join(ids, ", "))
	}
	full := FullRun{Canary: f.Name, Run: all[index]}
	if v := f.View; v.Run != nil && v.Run.ID == full.Run.ID {
		full.Steps, full.Metrics, full.Hooks, full.Gates = v.Steps, v.Metrics, v.Hooks, v.Gates
		full.Run.Checks = v.Run.Checks
	}
	if o.Table() {
		return o.writeRun(f.View, full)
	}
	object, err := view.Object("Run", f.Namespace, f.Name, full)
	if err != nil {
		return err
	}
	return o.Print(&o.Output, object)
}

// History is what -o prints of one canary.
type History struct {
	Canary string `json:"canary"`
	// Foreign is true when another controller runs the canary, which keeps no history.
	Foreign bool `json:"foreign"`
	// Runs, newest first; the one under way comes before those that have ended.
	Runs []view.Run `json:"runs"`
}

// FullRun is a run with all that is known of it, what --run prints. Steps, metrics, hooks and gates are
// known of the current or last run.
type FullRun struct {
	Canary string `json:"canary"`
	// Run itself.
	Run     view.Run      `json:"run"`
	Steps   []view.Step   `json:"steps,omitempty"`
	Metrics []view.Metric `json:"metrics,omitempty"`
	Hooks   []view.Hook   `json:"hooks,omitempty"`
	Gates   []view.Gate   `json:"gates,omitempty"`
}
