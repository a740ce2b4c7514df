package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps

	Name       string
	Namespace  string
	From       []string
	Follow     bool
	Since      time.Duration
	Tail       int64
	Container  string
	Timestamps bool
	Prefix     bool
	Raw        bool
}

// Where lines come from.
const (
	fromAgent   = "agent"
	fromCanary  = string(view.SideCanary)
	fromPrimary = string(view.SidePrimary)
)

var origins = []string{fromAgent, fromCanary, fromPrimary}

// usualTail is how many lines of each container are shown when nobody says how many.
const usualTail = 100

// NewLogsCmd builds the command. A nil runF runs it.
func NewLogsCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print what the agent and the pods of a canary log",
		Long: fmt.Sprintf(`Print what the agent logs about a canary, and the logs of the pods of both sides,
merged by time. Each line says where it comes from.

Without --since or --tail the last %d lines of each container are printed. With -f
new lines are printed as they come, those of new pods as well, in the order in
which they arrive. What may not be read is said, and the rest goes on.

The agent's lines are printed as words; --raw prints them as they are, in JSON.`, usualTail),
		Example: `  kubectl canary logs app --since 10m

  # What the agent does about it, live
  kubectl canary logs app --from agent -f

  # Both versions side by side
  kubectl canary logs app --from canary --from primary -c web -f`,
		Args:              cli.OneName,
		ValidArgsFunction: deps.CompleteName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Since > 0 && !cmd.Flags().Changed("tail") {
				o.Tail = -1
			}
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
	flags.StringSliceVar(&o.From, "from", nil, "Where lines come from: agent, canary, primary. Default: all.")
	flags.BoolVarP(&o.Follow, "follow", "f", false, "Go on with new lines, until interrupted.")
	flags.DurationVar(&o.Since, "since", 0, "Print what is newer than this, such as 10m.")
	flags.Int64Var(&o.Tail, "tail", usualTail, "Print so many of the last lines of each container; -1 for all.")
	flags.StringVarP(&o.Container, "container", "c", "", "Print this container of the pods only.")
	flags.BoolVar(&o.Timestamps, "timestamps", false, "Begin each line with its time.")
	flags.BoolVar(&o.Prefix, "prefix", true, "Say where each line comes from.")
	flags.BoolVar(&o.Raw, "raw", false, "Print the lines of the agent as they are.")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(origins, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	for _, from := range o.From {
		if !slices.Contains(origins, from) {
			return cli.Usagef("--from: there is no source %q; use %s", from, strings.Join(origins, ", "))
		}
	}
	if len(o.From) == 0 {
		o.From = origins
	}
	switch {
	case o.Since < 0:
		return cli.Usagef("--since must not be negative")
	case o.Tail < -1:
		return cli.Usagef("--tail must be a number of lines, or -1 for all")
	case o.Container != "" && !slices.Contains(o.From, fromCanary) && !slices.Contains(o.From, fromPrimary):
		return cli.Usagef("--container is about the pods of canary and primary, not of the agent")
	}
	return nil
}

// Complete reads the argument and finds out the namespace.
func (o *Options) Complete(args []string) error {
	var err error
	if o.Name, err = cli.Name(args[0]); err != nil {
		return err
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run prints the logs.
func (o *Options) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	object, err := client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	canary, problem := view.Decode(object.Object)
	r, err := newReader(o, client, &printer{Options: o, said: map[string]bool{}})
	if err != nil {
		return err
	}
	r.foreign = view.Build(canary, view.Extra{Problem: problem}).Foreign
	groups, err := r.groups(ctx, canary)
	if err != nil {
		return err
	}
	if o.Follow {
		return r.follow(ctx, groups)
	}
	return r.merge(ctx, groups)
}

// errNothing ends the command when there was nothing that could be read.
var errNothing = errors.New("no log could be read")
