package lint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	// Files are files, directories, or - for standard input.
	Files []string
	// Strict makes warnings fail.
	Strict bool
	// Portable makes what Flagger does not have an error.
	Portable bool
	// Disabled are the ids of rules that are left out.
	Disabled []string
	// Provider of canaries that name none: the agent's -mesh-provider.
	Provider string
}

// NewLintCmd builds the command. A nil runF runs it.
func NewLintCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps, Output: cli.Output{Formats: []string{"text", "github"}}}
	cmd := &cobra.Command{
		Use:   "lint FILE|DIR|-…",
		Short: "Check manifests without a cluster",
		Long: `Check manifests of canaries, metric templates and alert providers, without a cluster:
against the schema, for what their fields mean together, and against the Deployments,
autoscalers and Services that are in the same files.

Directories are read with everything below them (.yaml, .yml, .json). Objects of other
kinds, values of charts, patches of kustomizations and templates that are not rendered
yet are left out; render those first, as in helm template CHART | kubectl canary lint -

The code is 1 when there are errors; with --strict also when there are warnings.

Rules:
` + rulesHelp(),
		Example: `  # A directory, as in a pipeline
  kubectl canary lint deploy/ --strict

  # What a chart renders to
  helm template ./chart | kubectl canary lint -

  # Manifests that have to work with Flagger too, shown beside the lines of a pull request
  kubectl canary lint deploy/ --portable -o github`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usagef("which files? name files or directories, or - for standard input; usage: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			if err := o.Validate(); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.Strict, "strict", false, "End with code 1 when there are warnings, too.")
	flags.BoolVar(&o.Portable, "portable", false, "Report what Flagger does not have as errors.")
	flags.StringArrayVar(&o.Disabled, "disable", nil, "Leave out a rule, by its id; can be given several times.")
	flags.StringVar(&o.Provider, "provider", "", "Traffic provider of canaries that name none: what the agent has as -mesh-provider.")
	_ = cmd.RegisterFlagCompletionFunc("disable", cobra.FixedCompletions(ruleIDs(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("provider", cobra.FixedCompletions(v1beta1.Providers(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func rulesHelp() string {
	var b strings.Builder
	for _, r := range Rules() {
		fmt.Fprintf(&b, "  %-27s %-7s  %s\n", r.ID, r.Severity, r.About)
	}
	return strings.TrimRight(b.String(), "\n")
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	ids := ruleIDs()
	for _, id := range o.Disabled {
		if slices.Contains(ids, id) {
			continue
		}
		if near := nearest(id, ids); near != "" {
			return cli.Usagef("--disable: there is no rule %q; did you mean %s?", id, near)
		}
		return cli.Usagef("--disable: there is no rule %q; see: kubectl canary lint --help", id)
	}
	if o.Provider != "" && !slices.Contains(v1beta1.Providers(), o.Provider) {
		return cli.Usagef("--provider %q is unknown; known are %s", o.Provider, strings.Join(v1beta1.Providers(), ", "))
	}
	if n := slices.Index(o.Files, "-"); n >= 0 && slices.Contains(o.Files[n+1:], "-") {
		return cli.Usagef("standard input can be read once only")
	}
	if o.Format == "name" {
		return cli.Usagef("-o name: a report has no name; use json, yaml, text or github")
	}
	return o.Output.Validate()
}

// Run checks the files and prints what was found.
func (o *Options) Run(ctx context.Context) error {
	c := &collector{stdin: o.Streams.In}
	for _, arg := range o.Files {
		if err := c.add(arg); err != nil {
			return err
		}
	}
	report, err := o.check(ctx, c)
	if err != nil {
		return err
	}
	if err := o.print(report); err != nil {
		return err
	}
	if report.Errors > 0 || o.Strict && report.Warnings > 0 {
		return &cli.ExitError{Code: cli.CodeError}
	}
	return nil
}

func (o *Options) check(ctx context.Context, c *collector) (*Report, error) {
	l, err := newLinter(o.Provider, o.Portable)
	if err != nil {
		return nil, err
	}
	for _, f := range c.files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		l.file(f)
	}
	l.references()
	report := &Report{Files: len(c.files), Skipped: slices.Concat(c.skipped, l.skipped)}
	for _, m := range l.objects {
		if group, _, _ := strings.Cut(m.apiVersion, "/"); group != v1beta1.GroupName {
			continue
		}
		switch m.kind {
		case kindCanary:
			report.Canaries++
		case kindMetricTemplate:
			report.MetricTemplates++
		case kindAlertProvider:
			report.AlertProviders++
		}
	}
	report.take(slices.Concat(c.problems, l.findings), o.Disabled)
	return report, nil
}

func (o *Options) print(r *Report) error {
	var err error
	switch {
	case o.Format == "github":
		err = r.github(o.Streams.Out)
	case o.Table():
		err = r.text(o.Streams.Out)
	default:
		object, problem := r.object()
		if problem != nil {
			return problem
		}
		err = o.Print(&o.Output, object)
	}
	if err != nil {
		return err
	}
	for _, s := range r.Skipped {
		if _, err := fmt.Fprintln(o.Streams.ErrOut, view.Clean(fmt.Sprintf("skipped %s: it %s", s.File, s.Reason))); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(o.Streams.ErrOut, r.summary())
	if err == nil && r.Canaries+r.MetricTemplates+r.AlertProviders == 0 && r.Errors == 0 {
		_, err = fmt.Fprintln(o.Streams.ErrOut, "there is nothing to check: the files have no Canary, MetricTemplate or AlertProvider of "+v1beta1.GroupName)
	}
	return err
}
