package install

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// Options of the command.
type Options struct {
	cli.Deps
	installer.Flags

	// Scoped: for one namespace, without rights elsewhere.
	Scoped bool
	// Namespace of the agent.
	Namespace string
}

// NewInstallCmd builds the command. A nil runF runs it.
func NewInstallCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the agent and the Canary API",
		Long: `Install the CustomResourceDefinitions, the agent, its rights, the admission policy and
the roles for people, all from the manifests in this binary, by server-side apply.
Then wait until the agent is ready. Running it again changes nothing, and goes on
where an earlier run was stopped.

The agent gets the namespace canary-system, or the one of -n. Its image is not
published anywhere: unless nodes know an image called canary-agent, name the one
that you have built and pushed with --image.

With --namespace-scoped the agent looks after the canaries of one namespace, that
of -n or of the context, and gets a Role there and no rights elsewhere. The
namespace has to be there. Beside the CustomResourceDefinitions nothing concerns
the cluster; --crds=false leaves those to somebody else.

If another controller of the same API runs, the agent is installed beside it and
does nothing until that is scaled to zero. Nothing is restarted then: canaries
are taken over as they are.

` + cli.ExitCodesHelp,
		Example: `  # For the whole cluster, with an image of your own
  kubectl canary install --image registry.example.com/canary-agent:v1.2.3

  # With the rights for one traffic provider, and without those on Secrets and ConfigMaps
  kubectl canary install --provider gatewayapi --without config-tracking

  # For namespace shop alone
  kubectl canary install --namespace-scoped -n shop

  # As files for a repository
  kubectl canary install --dry-run=client -o yaml > canary-agent.yaml`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Complete(); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd, false)
	cmd.Flags().BoolVar(&o.Scoped, "namespace-scoped", false, "Install for one namespace, with a Role there and no rights elsewhere.")
	return cmd
}

// Complete finds out the namespace: for the whole cluster it is not that of the context, which is
// where people work.
func (o *Options) Complete() error {
	o.Namespace = manifest.DefaultNamespace
	if !o.Scoped && !o.Cluster.NamespaceGiven() {
		return nil
	}
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run installs, or prints what it would.
func (o *Options) Run(ctx context.Context) error {
	wanted, err := o.Over(manifest.Default(o.Namespace, o.Scoped))
	if err != nil {
		return err
	}
	if o.DryRun == cli.DryRunClient {
		wanted.Version = o.Build.Version
		return o.Offline(o.Deps, wanted)
	}
	session, err := o.NewSession(o.Deps)
	if err != nil {
		return err
	}
	found, err := session.Survey(ctx, o.Namespace)
	if err != nil {
		return err
	}
	if err := found.Refuse(wanted); err != nil {
		return err
	}
	if wanted, err = o.again(ctx, session, found, wanted); err != nil {
		return err
	}
	wanted.Version = o.Build.Version
	if err := session.Warn(found, wanted); err != nil {
		return err
	}
	if err := o.Deploy(ctx, session, wanted); err != nil {
		return err
	}
	return o.next(session, wanted)
}

// again keeps the settings of an installation that is there, but for what flags say: whoever runs the
// command twice does not want the image of the first time replaced.
func (o *Options) again(ctx context.Context, session *installer.Session, found installer.Survey, wanted manifest.Settings) (manifest.Settings, error) {
	there := found.In(o.Namespace)
	if there == nil {
		return wanted, nil
	}
	live, err := session.Read(ctx, there)
	if err != nil {
		return wanted, err
	}
	if live.Version != "" && live.Version != o.Build.Version {
		return wanted, fmt.Errorf("version %s of the agent is installed in namespace %q, and this is %s: use kubectl canary upgrade -n %[2]s", live.Version, o.Namespace, o.Build.Version)
	}
	return o.Over(live)
}

// next says what to do now.
func (o *Options) next(session *installer.Session, settings manifest.Settings) error {
	if o.DryRun.String() != string(cli.DryRunNone) || session.Quiet {
		return nil
	}
	state := "is ready"
	if !o.Wait {
		state = "is being started"
	}
	of, flag := "all namespaces", ""
	if settings.Scoped {
		of, flag = "namespace "+settings.Namespace, " -n "+settings.Namespace
	}
	return session.Say("the agent %s in namespace %s and looks after the canaries of %s; next: kubectl canary create deployment/NAME%s --provider PROVIDER",
		state, settings.Namespace, of, flag)
}
