package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// Options of the command.
type Options struct {
	cli.Deps
	installer.Flags

	// AllowDowngrade to an earlier version.
	AllowDowngrade bool
	// Namespace of the agent; empty to find it.
	Namespace string
}

// NewUpgradeCmd builds the command. A nil runF runs it.
func NewUpgradeCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Upgrade the agent to the version of this plugin",
		Long: `Bring an installed agent, its rights and the CustomResourceDefinitions to the version
of this plugin, and wait until the new agent is ready. The settings stay: image
repository, flags, replicas, resources, providers, features, the namespace that it
is limited to. Flags change them. Roles that this version or these settings have no
more are deleted, if the same field manager has applied them.

The tag of the image becomes the version of the plugin where it was a version
before; any other image stays unless --image names one.

No workload is restarted and no run starts anew: runs under way go on where they
are, and wait for the few seconds between the old agent and the new.

` + cli.ExitCodesHelp,
		Example: `  kubectl canary upgrade

  # Another image, and rights for one more provider
  kubectl canary upgrade --image registry.example.com/canary-agent:v1.3.0 --provider gatewayapi,traefik`,
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
	o.AddFlags(cmd, true)
	cmd.Flags().BoolVar(&o.AllowDowngrade, "allow-downgrade", false, "Go back to an earlier version.")
	return cmd
}

// Complete finds out the namespace that was asked for.
func (o *Options) Complete() error {
	if !o.Cluster.NamespaceGiven() {
		return nil
	}
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run upgrades.
func (o *Options) Run(ctx context.Context) error {
	session, err := o.NewSession(o.Deps)
	if err != nil {
		return err
	}
	namespace := o.Namespace
	if namespace == "" {
		// Who may not look at the whole cluster has an agent where they work.
		if namespace, err = o.Cluster.Namespace(); err != nil {
			return err
		}
	}
	found, err := session.Survey(ctx, namespace)
	if err != nil {
		return err
	}
	there, err := o.choose(found)
	if err != nil {
		return err
	}
	live, err := session.Read(ctx, there)
	if err != nil {
		return err
	}
	from := live.Version
	if older, _ := manifest.Older(o.Build.Version, from); older && !o.AllowDowngrade {
		return fmt.Errorf("the agent in namespace %q is of version %s, and this plugin of %s, which is older: upgrade the plugin, or pass --allow-downgrade",
			there.Namespace, from, o.Build.Version)
	}
	settings, err := o.Over(live)
	if err != nil {
		return err
	}
	settings.Version = o.Build.Version
	if err := o.image(session, &settings); err != nil {
		return err
	}
	if err := found.Refuse(settings); err != nil {
		return err
	}
	if o.DryRun == cli.DryRunClient {
		return o.Offline(o.Deps, settings)
	}
	if err := session.Warn(found, settings); err != nil {
		return err
	}
	if err := o.runs(ctx, session, settings); err != nil {
		return err
	}
	if err := o.Deploy(ctx, session, settings); err != nil {
		return err
	}
	return o.conclude(session, from, settings)
}

// choose finds the one agent that is meant.
func (o *Options) choose(found installer.Survey) (*controllers.Controller, error) {
	if o.Namespace != "" {
		if there := found.In(o.Namespace); there != nil {
			return there, nil
		}
	}
	switch {
	case o.Namespace == "" && len(found.Agents) == 1:
		return &found.Agents[0], nil
	case o.Namespace == "" && len(found.Agents) > 1:
		return nil, fmt.Errorf("there are agents in several namespaces; name one with -n: %s", strings.Join(namespaces(found.Agents), ", "))
	case o.Namespace != "" && len(found.Agents) > 0:
		return nil, fmt.Errorf("no agent is installed in namespace %q, but there is one in %s", o.Namespace, strings.Join(namespaces(found.Agents), ", "))
	case found.Partial:
		return nil, errors.New("no agent was found, and you may not list deployments of all namespaces: name the agent's with -n")
	}
	return nil, errors.New("no agent is installed: use kubectl canary install")
}

func namespaces(agents []controllers.Controller) []string {
	var names []string
	for _, c := range agents {
		names = append(names, c.Namespace)
	}
	return names
}

// image chooses the image of the new version, in the place of the old one.
func (o *Options) image(session *installer.Session, settings *manifest.Settings) error {
	if o.Image != "" {
		return nil
	}
	retagged, ok := manifest.Retag(settings.Image, o.Build.Version)
	if ok {
		settings.Image = retagged
		return nil
	}
	return session.Say("the image stays %s, since its tag is not a version that could be replaced by %s; another one is chosen with --image", settings.Image, o.Build.Version)
}

// runs tells about releases under way.
func (o *Options) runs(ctx context.Context, session *installer.Session, settings manifest.Settings) error {
	namespace := ""
	if settings.Scoped {
		namespace = settings.Namespace
	}
	canaries, err := session.Canaries(ctx, namespace)
	if err != nil {
		return session.Say("whether runs are under way is not known: %v", err)
	}
	if n := canaries.Active; n > 0 {
		return session.Say("%d of %d canaries are in the middle of a run; they go on where they are when the new agent has taken over", n, canaries.Total)
	}
	return nil
}

func (o *Options) conclude(session *installer.Session, from string, settings manifest.Settings) error {
	if session.Quiet || o.DryRun.String() != string(cli.DryRunNone) {
		return nil
	}
	words := "the agent in namespace " + settings.Namespace
	if from == "" || from == settings.Version {
		words += " is at " + settings.Version
	} else {
		words += " went from " + from + " to " + settings.Version
	}
	if !o.Wait {
		words += "; it is being started"
	}
	if missing := installer.Missing(settings); missing != "" {
		words += "; to install what is left out as well: kubectl canary upgrade " + missing
	}
	return session.Say("%s", words)
}
