package uninstall

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// DefaultTimeout is how long to wait until all is gone. Canaries that want their targets back take
// as long as their pods take to start.
const DefaultTimeout = 5 * time.Minute

// Options of the command.
type Options struct {
	cli.Deps

	// CRDs: delete the CustomResourceDefinitions, and all canaries with them.
	CRDs bool
	// Namespace of the agent.
	Namespace string
	Timeout   time.Duration
	DryRun    cli.DryRun
	Yes       bool
}

// NewUninstallCmd builds the command. A nil runF runs it.
func NewUninstallCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the agent, and the Canary API if asked to",
		Long: `Remove the agent, its rights, the admission policy and the roles for people. What was
installed by kubectl apply -k manifests/agent goes as well. The namespace stays.

Canaries and their CustomResourceDefinitions stay, and so do primaries, Services
and routes: traffic goes on to the primaries, targets stay at zero pods, and nothing
is released any more until an agent, or another controller, takes over. In order to
leave for good, give targets their traffic back first: kubectl canary eject.

With --crds the definitions are deleted too, and every canary, metric template and
alert provider of the cluster with them: first the canaries, while the agent is
there to do what their deletion asks for, then the agent, then the definitions.
Targets of canaries without spec.revertOnDeletion are left without pods. Without a
terminal that needs --yes as long as there are canaries.

` + cli.ExitCodesHelp,
		Example: `  # Leave for good, without downtime
  kubectl canary eject --all -A
  kubectl canary uninstall --crds

  # Only the agent; canaries stay as they are
  kubectl canary uninstall`,
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
	flags := cmd.Flags()
	flags.BoolVar(&o.CRDs, "crds", false, "Delete the CustomResourceDefinitions as well, and with them all canaries.")
	flags.DurationVar(&o.Timeout, "timeout", DefaultTimeout, "How long to wait until all is gone.")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask.")
	o.DryRun.AddFlag(cmd)
	return cmd
}

// Complete finds out the namespace. Without -n it is that of an agent for the whole cluster.
func (o *Options) Complete() error {
	o.Namespace = manifest.DefaultNamespace
	if !o.Cluster.NamespaceGiven() {
		return nil
	}
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	if o.Timeout <= 0 {
		return cli.Usagef("--timeout must be positive")
	}
	return nil
}

// Run uninstalls.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	s := &installer.Session{Deps: o.Deps, Client: client, DryRun: o.DryRun, Yes: o.Yes}
	own, err := o.Cluster.Namespace()
	if err != nil {
		return err
	}
	found, err := s.Survey(ctx, own)
	if err != nil {
		return err
	}
	if found.Partial {
		// Who may not look at the whole cluster has an agent where they work.
		o.Namespace = own
	}
	if err := o.elsewhere(found); err != nil {
		return err
	}
	inventory, err := s.Inventory(ctx, o.Namespace, found)
	if err != nil {
		return err
	}
	if o.CRDs {
		if inventory.CRDs, err = s.Definitions(ctx); err != nil {
			return err
		}
	}
	if len(inventory.Objects) == 0 && len(inventory.CRDs) == 0 {
		return s.Say("nothing is installed in namespace %q", o.Namespace)
	}
	hint := "they are those of whoever has installed; for the whole cluster, of a cluster administrator"
	if err := s.MayDelete(ctx, append(inventory.Objects, inventory.CRDs...), hint); err != nil {
		return err
	}
	canaries, err := o.look(ctx, s, found, inventory)
	if err != nil {
		return err
	}
	if err := o.ask(ctx, s, found, inventory, canaries); err != nil {
		return err
	}
	return o.remove(ctx, s, inventory, canaries)
}

// elsewhere refuses when the agent that is meant is not where the command looks, or others need what
// would be deleted.
func (o *Options) elsewhere(found installer.Survey) error {
	var others []string
	for _, c := range found.Agents {
		if c.Namespace != o.Namespace {
			others = append(others, c.Namespace)
		}
	}
	if found.In(o.Namespace) == nil && len(others) > 0 && !o.Cluster.NamespaceGiven() {
		return fmt.Errorf("no agent is installed in namespace %q, but there is one in %s: name it with -n", o.Namespace, strings.Join(others, ", "))
	}
	if !o.CRDs {
		return nil
	}
	if len(others) > 0 {
		return fmt.Errorf("the CustomResourceDefinitions are needed by the agent in %s: uninstall that first, or leave out --crds", strings.Join(others, ", "))
	}
	if len(found.Rivals) > 0 {
		return fmt.Errorf("the CustomResourceDefinitions are needed by deployment %s, another controller of this API: leave out --crds", found.Rivals[0])
	}
	return nil
}

// look counts the canaries that the removal concerns.
func (o *Options) look(ctx context.Context, s *installer.Session, found installer.Survey, inventory installer.Inventory) (installer.Canaries, error) {
	scope := ""
	if d := found.In(o.Namespace); d != nil && !o.CRDs {
		scope = d.Scope
	}
	canaries, err := s.Canaries(ctx, scope)
	if err != nil {
		if o.CRDs {
			return canaries, err
		}
		return canaries, s.Say("whether there are canaries is not known: %v", err)
	}
	agent := found.In(o.Namespace)
	if len(inventory.CRDs) > 0 && canaries.Held > 0 && (agent == nil || agent.Ready == 0) {
		return canaries, fmt.Errorf("%d canaries have spec.revertOnDeletion and cannot be deleted without an agent, and none is ready: "+
			"start it first, or take spec.revertOnDeletion and the finalizer away from them, which leaves their targets without pods", canaries.Held)
	}
	return canaries, nil
}

// ask makes sure that the user knows what it means.
func (o *Options) ask(ctx context.Context, s *installer.Session, found installer.Survey, inventory installer.Inventory, canaries installer.Canaries) error {
	if canaries.Active > 0 {
		if err := s.Say("warning: %d canaries are in the middle of a run, which stops where it is", canaries.Active); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("Remove the agent from namespace %s?", o.Namespace)
	if found.In(o.Namespace) == nil {
		question = fmt.Sprintf("Remove what is left of the installation in namespace %s?", o.Namespace)
	}
	switch {
	case canaries.Total == 0:
		if len(inventory.CRDs) > 0 {
			question += " And the CustomResourceDefinitions?"
		}
	case len(inventory.CRDs) == 0:
		err := s.Say("warning: %s (%s) and what the agent made for them stay as they are: primaries serve, targets stay at zero pods, and nothing is released any more; "+
			"kubectl canary eject --all -A gives targets their traffic back while the agent is there", count(canaries.Total), canaries.Where())
		if err != nil {
			return err
		}
	default:
		question = fmt.Sprintf("Delete %s (%s), the agent and the CustomResourceDefinitions?", count(canaries.Total), canaries.Where())
		if canaries.Bare > 0 {
			question += fmt.Sprintf(" %d of them do not ask for their target back: that is left WITHOUT PODS; kubectl canary eject --all -A avoids it.", canaries.Bare)
		}
		if !o.Terminal.In && !o.Yes && o.DryRun.String() == string(cli.DryRunNone) {
			return errors.New("nothing was done: " + question + " Pass --yes to say so")
		}
	}
	return s.Ask(ctx, question)
}

func count(n int) string {
	if n == 1 {
		return "1 canary"
	}
	return fmt.Sprintf("%d canaries", n)
}

// remove does it, in the order in which everything finds what it needs until it is gone.
func (o *Options) remove(ctx context.Context, s *installer.Session, inventory installer.Inventory, canaries installer.Canaries) error {
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if len(inventory.CRDs) > 0 {
		if err := s.RemoveCanaries(waiting, canaries.Objects); err != nil {
			return err
		}
	}
	for _, object := range append(inventory.Objects, inventory.CRDs...) {
		if err := s.Remove(waiting, object); err != nil {
			if cli.CodeOf(err) == cli.CodeTimeout {
				return cli.TimedOut("%w; running the command again goes on", err)
			}
			return err
		}
	}
	if inventory.Namespace {
		return s.Say("namespace %s stays; to remove it with all that is in it: kubectl delete namespace %[1]s", o.Namespace)
	}
	return nil
}
