package doctor

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	// Namespace whose canaries are looked at; also the one for which the user's rights are asked.
	Namespace string
	// AllNamespaces looks at the canaries of all namespaces.
	AllNamespaces bool
}

// NewDoctorCmd builds the command. A nil runF runs it.
func NewDoctorCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why canaries do not work, and how to mend it",
		Long: `Check what canaries need: the API server, the CRDs, the agent and its lease, other
controllers, traffic providers, metrics servers, your own rights, the admission policy;
then the canaries of the namespace: their conditions, targets, routes and autoscalers,
and GitOps tools that write what the agent writes, with the lines to add to those.

Nothing is changed. What may not be read with your rights is skipped, and said so. The
code is 1 when a check fails; warnings do not count.`,
		Example: `  # The installation, and the canaries of the current namespace
  kubectl canary doctor

  # All canaries
  kubectl canary doctor -A

  # What fails, for a script
  kubectl canary doctor -A -o jsonpath='{range .checks[?(@.status=="fail")]}{.id}{"\n"}{end}'`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			if err := o.Complete(); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd)
	cmd.Flags().BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "Look at the canaries of all namespaces.")
	return cmd
}

// Validate finds a format that makes no sense.
func (o *Options) Validate() error {
	if o.Format == "name" {
		return cli.Usagef("-o name: a report has no name; use json or yaml")
	}
	return o.Output.Validate()
}

// Complete finds out the namespace.
func (o *Options) Complete() error {
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run makes the checks and prints them. On a terminal each is printed as soon as it is made.
func (o *Options) Run(ctx context.Context) error {
	s := newSession(o)
	show := func(Check) error { return nil }
	if o.Table() {
		show = s.print
	}
	for _, step := range steps {
		for _, c := range step.run(s, ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.ID = step.id
			s.add(c)
			if err := show(c); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.finish(); err != nil {
		return err
	}
	if s.report.Failed > 0 {
		return &cli.ExitError{Code: cli.CodeError}
	}
	return nil
}

// steps are the checks in their order: those that others build upon come first. The ids are stable.
var steps = []struct {
	id  string
	run func(*session, context.Context) []Check
}{
	{"api-server", (*session).apiServer},
	{"crds", (*session).crds},
	{"agent", (*session).agents},
	{"agent-version", (*session).agentVersions},
	{"agent-lease", (*session).leases},
	{"agent-scope", (*session).scopes},
	{"other-controller", (*session).otherControllers},
	{"your-rights", (*session).rights},
	{"admission-policy", (*session).policy},
	{"canaries", (*session).conditions},
	{"provider", (*session).providers},
	{"metrics-server", (*session).metricsServers},
	{"targets", (*session).targets},
	{"route-drift", (*session).routeDrift},
	{"autoscalers", (*session).autoscalers},
	{"gitops", (*session).gitOps},
}
