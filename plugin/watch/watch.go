package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// Options of the command.
type Options struct {
	cli.Deps

	Name      string
	Namespace string
	Plain     bool
	ReadOnly  bool
	ASCII     bool
	Theme     string
}

// NewWatchCmd builds the command. A nil runF runs it.
func NewWatchCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "watch NAME",
		Short: "Watch a canary live, and act on it",
		Long: `Watch a canary: steps, live weight, metrics against their bounds, pods of both
sides, events, and the seconds to what happens next. Keys promote, abort, pause
and resume, after a question; ? shows them all.

Without a terminal, with TERM=dumb, or with --plain, a line is printed per change
instead, until a run has ended.

` + cli.ExitCodesHelp + `

A screen that is left by its key ends with 0, whatever became of the canary.`,
		Example: `  kubectl canary watch app

  # Into a log
  kubectl canary watch app --plain | tee canary.log`,
		Args:              cli.OneName,
		ValidArgsFunction: deps.CompleteName,
		RunE: func(cmd *cobra.Command, args []string) error {
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
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.Plain, "plain", false, "Print a line per change instead of drawing a screen.")
	flags.BoolVar(&o.ReadOnly, "read-only", false, "Leave out the keys that act.")
	flags.BoolVar(&o.ASCII, "ascii", false, "Draw without Unicode.")
	flags.StringVar(&o.Theme, "theme", "", "Colours of the screen: "+themes()+".")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(theme.Names(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Validate finds a theme that does not exist.
func (o *Options) Validate() error {
	if _, err := theme.Parse(o.Theme); err != nil {
		return cli.Usagef("--theme: %w", err)
	}
	return nil
}

// Complete reads the argument and finds out the namespace.
func (o *Options) Complete(args []string) error {
	o.Plain = o.Plain || !o.Terminal.Out || !o.Terminal.In
	var err error
	if o.Name, err = cli.Name(args[0]); err != nil {
		return err
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run watches until the run has ended, or the user leaves.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := feed.Options{Client: client, Namespace: o.Namespace, Name: o.Name, Detail: true}
	if o.Plain {
		return o.plain(ctx, options)
	}
	updates, err := feed.Start(ctx, options)
	if err != nil {
		return o.Explain(ctx, err, "watch", o.Namespace, o.Name)
	}
	first, err := o.first(ctx, updates)
	if err != nil {
		return err
	}
	return o.draw(ctx, &screen{
		sender: intent.Sender{Client: client, Now: o.Now}, latest: first,
		explain: func(err error, doing string) error {
			return o.Explain(ctx, err, doing, o.Namespace, o.Name)
		},
	}, updates)
}

// first takes the canary as it is now. A screen about a canary that does not exist helps nobody.
func (o *Options) first(ctx context.Context, updates <-chan feed.Update) (view.Canary, error) {
	for update := range updates {
		switch u := update.(type) {
		case feed.Canary:
			return u.View, nil
		case feed.Synced:
			return view.Canary{}, cli.NotFound(ctx, o.Cluster, o.Namespace, o.Name)
		}
	}
	return view.Canary{}, ctx.Err()
}

func (o *Options) draw(ctx context.Context, s *screen, updates <-chan feed.Update) error {
	name, err := theme.Parse(o.Theme)
	if err != nil {
		return err
	}
	// What client-go logs would be written over the screen; what matters of it, the feed reports.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	source := make(chan tui.Update)
	go s.forward(ctx, updates, source)
	last, err := tui.Run(ctx, tui.Options{
		Source: source, Actions: s, Name: o.Name, Namespace: o.Namespace, Context: o.Cluster.Context(),
		ReadOnly: o.ReadOnly, Theme: name, ASCII: o.ASCII, Now: o.Now,
		Input: o.Streams.In, Output: o.Streams.Out,
	})
	if last.Name != "" {
		// The screen is gone with what was on it; the terminal keeps this line.
		if _, err := fmt.Fprintln(o.Streams.Out, follow.Line(last.Cleaned())); err != nil {
			return err
		}
	}
	if errors.Is(err, tui.ErrInterrupted) {
		return context.Canceled
	}
	return err
}
