package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/inspect"
	"github.com/kubectl-canary/kubectl-canary/plugin/livemetrics"
	"github.com/kubectl-canary/kubectl-canary/plugin/rights"
	"github.com/kubectl-canary/kubectl-canary/tui/recording"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// accessible is the environment variable that asks for lines in place of a screen.
const accessible = "CANARY_ACCESSIBLE"

// heartbeat is after how long a silence the API server is asked whether it is still there.
const heartbeat = 10 * time.Second

// Options of the command.
type Options struct {
	cli.Deps

	// Name of one canary; empty for all of the scope.
	Name string
	// Namespace of the scope; empty for all.
	Namespace     string
	AllNamespaces bool
	Selector      string

	Plain    bool
	ReadOnly bool
	ASCII    bool
	Live     bool
	Mouse    bool
	Theme    string
	// Record is the file to write what is seen to; an existing one only with Overwrite.
	Record    string
	Overwrite bool
	// Replay is the file to show in place of a cluster.
	Replay string
}

// NewWatchCmd builds the command. A nil runF runs it.
func NewWatchCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "watch [NAME]",
		Short: "Watch canaries live, and act on them",
		Long: `Watch canaries on a screen that can be left open.

With a name: steps, live weight, every metric with canary, primary and bounds,
pods of both sides, gates and hooks, events, and the seconds to what happens
next. Without one: all canaries of the namespace, or with -A of the cluster,
those that need somebody first; enter opens one.

Keys promote, abort, pause, resume, retry, roll back and approve, after a
question that names object, context and effect. ? shows all keys, : finds a
command by name, h the history with a replay of the last run.

Between the checks values are measured through the API server's service proxy,
where you may use it; no verdict rests on them. --live=false leaves them out.

Without a terminal, with TERM=dumb, with CANARY_ACCESSIBLE set, or with --plain,
a line is printed per change instead; of one canary, until a run has ended.

` + cli.ExitCodesHelp + `

A screen that is left by its key ends with 0, whatever became of the canary.`,
		Example: `  kubectl canary watch app

  # All canaries of the cluster
  kubectl canary watch -A

  # Into a log
  kubectl canary watch app --plain | tee canary.log

  # Keep what was seen, and look at it again without a cluster
  kubectl canary watch app --record release.canary
  kubectl canary watch --replay release.canary`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return cli.OneName(cmd, args)
		},
		ValidArgsFunction: deps.CompleteName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(args); err != nil {
				return err
			}
			if err := o.Complete(args); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "Watch the canaries of all namespaces.")
	flags.StringVarP(&o.Selector, "selector", "l", "", "Watch the canaries with these labels, such as app=web,tier!=test.")
	flags.BoolVar(&o.Plain, "plain", false, "Print a line per change instead of drawing a screen.")
	flags.BoolVar(&o.ReadOnly, "read-only", false, "Disable the keys that act.")
	flags.BoolVar(&o.Live, "live", true, "Show values that are measured between the checks.")
	flags.BoolVar(&o.Mouse, "mouse", true, "Take clicks and the wheel; key m switches it.")
	flags.BoolVar(&o.ASCII, "ascii", false, "Draw without Unicode.")
	flags.StringVar(&o.Theme, "theme", "", "Colours of the screen: "+themes()+".")
	flags.StringVar(&o.Record, "record", "", "Write what is seen to this file; compressed when its name ends in .gz.")
	flags.BoolVar(&o.Overwrite, "overwrite", false, "With --record: replace a file that is there.")
	flags.StringVar(&o.Replay, "replay", "", "Show a file that --record has written, without a cluster.")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(theme.Names(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Validate finds flags that contradict each other.
func (o *Options) Validate(args []string) error {
	if _, err := theme.Parse(o.Theme); err != nil {
		return cli.Usagef("--theme: %w", err)
	}
	if _, err := labels.Parse(o.Selector); err != nil {
		return cli.Usagef("-l %q is not a label selector: %w", o.Selector, err)
	}
	switch {
	case len(args) > 0 && (o.AllNamespaces || o.Selector != ""):
		return cli.Usagef("a name cannot be combined with -A or -l")
	case o.Replay != "" && o.Record != "":
		return cli.Usagef("--replay and --record contradict each other")
	case o.Replay != "" && (o.AllNamespaces || o.Selector != ""):
		return cli.Usagef("--replay shows what the file has; -A and -l are for a cluster")
	case o.Overwrite && o.Record == "":
		return cli.Usagef("--overwrite goes with --record")
	}
	return nil
}

// Complete reads the argument and finds out the namespace.
func (o *Options) Complete(args []string) error {
	o.Plain = o.Plain || !o.Terminal.Out || !o.Terminal.In || os.Getenv(accessible) != ""
	var err error
	if len(args) > 0 {
		if o.Name, err = cli.Name(args[0]); err != nil {
			return err
		}
	}
	if o.AllNamespaces || o.Replay != "" {
		return nil
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Scope says in words which canaries are watched.
func (o *Options) scope() string {
	scope := "namespace " + o.Namespace
	if o.AllNamespaces {
		scope = "all namespaces"
	}
	if o.Selector != "" {
		scope += ", " + o.Selector
	}
	return scope
}

// Run watches until the run has ended, or the user leaves.
func (o *Options) Run(ctx context.Context) error {
	if o.Replay != "" {
		return o.replay(ctx)
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config, err := o.Cluster.RESTConfig()
	if err != nil {
		return err
	}
	meter, err := livemetrics.New(livemetrics.Options{Config: config, Client: client, Now: o.now})
	if err != nil {
		return err
	}
	c := &clusterSource{
		Options: o, client: client, meter: meter, Checker: rights.Checker{Client: client, Now: o.now},
		scope:     feed.Options{Client: client, Namespace: o.Namespace, Selector: o.Selector, Heartbeat: heartbeat},
		Inspector: &inspect.Inspector{Cluster: o.Cluster, Now: o.now},
	}
	recorder, err := o.recorder()
	if err != nil {
		return err
	}
	err = o.show(ctx, c, recorder)
	if recorder == nil {
		return err
	}
	return recorded(err, recorder, o)
}

func (o *Options) recorder() (*recording.Recorder, error) {
	if o.Record == "" {
		return nil, nil //nolint:nilnil // nobody asked for one
	}
	r, err := recording.Create(o.Record, o.Overwrite, recording.Header{
		Context: o.Cluster.Context(), Namespace: o.Namespace, Name: o.Name, Scope: o.scope(), Program: o.Build.Version,
	})
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot record to %s: the file exists; choose another name, or replace it with --overwrite", o.Record)
	}
	return r, err
}
