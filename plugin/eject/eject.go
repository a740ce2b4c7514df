package eject

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// DefaultTimeout for each canary: as long as pods of a target may take to start.
	DefaultTimeout = 5 * time.Minute
	// parallel bounds how many canaries are ejected at once.
	parallel = 4
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Selection

	// Unpromoted: a target may take over with a revision that was never promoted.
	Unpromoted bool
	// Timeout for each canary.
	Timeout      time.Duration
	DryRun       cli.DryRun
	FieldManager string
	Yes          bool

	// printing keeps lines of canaries that are ejected at once apart.
	printing sync.Mutex
}

// NewEjectCmd builds the command. A nil runF runs it.
func NewEjectCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "eject NAME…",
		Short: "Give the traffic back to the target and delete the canary, without downtime",
		Long: `Leave progressive delivery without downtime. For each canary:

  1. spec.revertOnDeletion is set, and the agent holds the canary with its finalizer
  2. the canary is deleted, and the agent scales the target up
  3. when its pods are ready, all traffic moves to them: route, then Service
  4. the route and the Service are let go of: they stay, and belong to nobody
  5. the canary and its primary go

At the end the target is looked at: it has to be available, and the Service has to
select it. Running it again goes on where an earlier run was stopped.

The target must be at the revision that was promoted last, since it takes over all
traffic. In the middle of a run, or after one that failed, it is not: promote or
abort first, and set the target back to what the primary has. --unpromoted does
without that.

It is the agent that does this. Without one nothing is touched; the steps by hand
are printed.

` + cli.ExitCodesHelp,
		Example: `  kubectl canary eject app

  # All of a cluster, before kubectl canary uninstall
  kubectl canary eject --all -A`,
		ValidArgsFunction: deps.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(o.Deps, cmd, args); err != nil {
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
	o.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.Unpromoted, "unpromoted", false, "Give all traffic to the target even if its revision was never promoted.")
	flags.DurationVar(&o.Timeout, "timeout", DefaultTimeout, "How long each canary may take.")
	flags.StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask on a terminal.")
	o.DryRun.AddFlag(cmd)
	return cmd
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	switch {
	case o.Timeout <= 0:
		return cli.Usagef("--timeout must be positive")
	case o.FieldManager == "":
		return cli.Usagef("--field-manager must not be empty")
	}
	return nil
}

// Run ejects.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	s := &installer.Session{Deps: o.Deps, Client: client, FieldManager: o.FieldManager, DryRun: o.DryRun, Yes: o.Yes}
	found, err := o.Find(ctx, o.Deps)
	if err != nil {
		return err
	}
	agents, err := s.Survey(ctx, o.Namespace)
	known := err == nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	results := make([]error, len(found))
	var able []int
	for i, f := range found {
		results[i] = f.Err
		if f.Err == nil && known {
			results[i] = controlled(agents, f)
		}
		if results[i] == nil {
			results[i] = o.fit(ctx, client, f.View)
		}
		if results[i] == nil {
			able = append(able, i)
		}
	}
	if len(able) > 0 {
		if err := s.Ask(ctx, o.question(found, able)); err != nil {
			return err
		}
	}
	slots := make(chan struct{}, parallel)
	var group sync.WaitGroup
	for _, i := range able {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			e := &ejection{Options: o, session: s, seen: found[i].View, label: o.Label(found[i])}
			results[i] = e.run(ctx)
		})
	}
	group.Wait()
	return o.conclude(found, results)
}

// question for the canaries that can be ejected.
func (o *Options) question(found []cli.Found, able []int) string {
	if len(able) > 1 {
		return fmt.Sprintf("Give the traffic of %d canaries back to their targets and delete these canaries?", len(able))
	}
	v := found[able[0]].View
	return fmt.Sprintf("Give all traffic to %s and delete canary %s, namespace %s?", describe(v), v.Name, v.Namespace)
}

// conclude tells what has not been done. One canary ends with its own error, several with a count.
func (o *Options) conclude(found []cli.Found, results []error) error {
	failed, timedOut, interrupted := 0, 0, error(nil)
	for i, err := range results {
		if err == nil {
			continue
		}
		if len(found) == 1 {
			return err
		}
		failed++
		switch cli.CodeOf(err) {
		case cli.CodeTimeout:
			timedOut++
		case cli.CodeInterrupted:
			interrupted = err
			continue
		}
		if _, err := fmt.Fprintf(o.Streams.ErrOut, "error: %s: %s\n", view.Clean(o.Label(found[i])), view.Clean(err.Error())); err != nil {
			return err
		}
	}
	switch {
	case interrupted != nil:
		return interrupted
	case failed == 0:
		return nil
	}
	err := fmt.Errorf("%d of %d canaries were not ejected", failed, len(found))
	if timedOut == failed {
		return cli.TimedOut("%w", err)
	}
	return err
}

// controlled refuses when nobody would carry it out, and says how it is done by hand.
func controlled(agents installer.Survey, f cli.Found) error {
	v := f.View
	if rivals := agents.RivalsFor(v.Namespace); len(rivals) > 0 {
		return fmt.Errorf("deployment %s is another controller of this API, beside which the agent does nothing: "+
			"scale it to zero (%s) and install the agent (kubectl canary install); or by hand, with it scaled to zero: %s",
			rivals[0], installer.ScaleDown(rivals[0]), byHand(v))
	}
	agent := agents.For(v.Namespace)
	switch {
	case agent == nil && agents.Partial:
		return nil // It may run where this user must not look; the finalizer will tell.
	case agent == nil:
		return fmt.Errorf("no agent looks after the canaries of namespace %q: install one (kubectl canary install); or by hand: %s", v.Namespace, byHand(v))
	case agent.Ready == 0:
		return fmt.Errorf("the agent (deployment %s) is not ready: mend it; or by hand: %s", agent, byHand(v))
	}
	return nil
}

// byHand is what the agent would do.
func byHand(v view.Canary) string {
	apex := v.Services.Apex
	return fmt.Sprintf("(1) bring %s to as many pods as %s-primary has, with the same revision, and wait until they are ready; "+
		"(2) let Service %s select them, and the routes lead to Service %s alone; "+
		"(3) take the ownerReferences away from Service %s and the routes; (4) kubectl -n %s delete canary %s",
		describe(v), v.Target.Name, apex, apex, apex, v.Namespace, v.Name)
}

// errUnpromoted ends what is refused because of the revision of the target.
var errUnpromoted = errors.New("set the target back to what the primary has first, or pass --unpromoted")
