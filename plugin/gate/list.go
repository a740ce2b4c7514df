package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// ListOptions of `gate list`.
type ListOptions struct {
	cli.Deps
	cli.Output

	Names         []string
	Namespace     string
	AllNamespaces bool
	Selector      string
	NoHeaders     bool
	// Probe asks the load testers; Timeout is how long each may take.
	Probe   bool
	Timeout time.Duration
}

// NewListCmd builds `gate list`. A nil runF runs it.
func NewListCmd(deps cli.Deps, runF func(context.Context, *ListOptions) error) *cobra.Command {
	o := &ListOptions{Deps: deps, Output: cli.Output{Formats: []string{"wide"}}}
	cmd := &cobra.Command{
		Use:     "list [NAME…]",
		Aliases: []string{"ls", "get"},
		Short:   "List the gates of canaries, and how to open them",
		Long: `List the gates of canaries: which point of a run each one holds, whether a run waits
there, and what opens it.

What the status of a canary knows is shown: of a load tester's gate, whether it has
let the run pass. With --probe the load testers are asked whether the gates are
open now, one request for each; that changes nothing.`,
		Example: `  # What canary app waits for, and how to go on
  kubectl canary gate list app

  # Whether the load tester's gates are open
  kubectl canary gate list app --probe

  # All gates of the cluster that hold a run
  kubectl canary gate list -A -o jsonpath='{range .items[?(@.state=="Waiting")]}{.command}{"\n"}{end}'`,
		Args: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if _, err := cli.Name(arg); err != nil {
					return err
				}
			}
			return nil
		},
		ValidArgsFunction: deps.CompleteNames,
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
	o.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "List the gates of the canaries of all namespaces.")
	flags.StringVarP(&o.Selector, "selector", "l", "", "Label selector of canaries, such as app=web,tier!=test.")
	flags.BoolVar(&o.NoHeaders, "no-headers", false, "Leave out the header of the table.")
	flags.BoolVar(&o.Probe, "probe", false, "Ask the load testers whether their gates are open.")
	flags.DurationVar(&o.Timeout, "timeout", defaultTimeout, "How long to wait for each answer of a load tester.")
	return cmd
}

// Validate finds flags that contradict each other.
func (o *ListOptions) Validate(args []string) error {
	if len(args) > 0 && (o.AllNamespaces || o.Selector != "") {
		return cli.Usagef("names cannot be combined with -A or -l")
	}
	if _, err := labels.Parse(o.Selector); err != nil {
		return cli.Usagef("-l %q is not a label selector: %w", o.Selector, err)
	}
	if o.Timeout <= 0 {
		return cli.Usagef("--timeout must be positive")
	}
	return o.Output.Validate()
}

// Complete finds out the namespace.
func (o *ListOptions) Complete(args []string) error {
	for _, arg := range args {
		name, err := cli.Name(arg)
		if err != nil {
			return err
		}
		o.Names = append(o.Names, name)
	}
	if o.AllNamespaces {
		return nil
	}
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run prints the list. A load tester that cannot be asked is no error: its gates are unknown.
func (o *ListOptions) Run(ctx context.Context) error {
	gates, err := o.gates(ctx)
	if err != nil {
		return err
	}
	var problems []string
	if o.Probe {
		problems = o.probe(ctx, gates)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	switch {
	case !o.Table():
		err = o.printObjects(gates)
	case len(gates) == 0:
		_, err = fmt.Fprintln(o.Streams.ErrOut, "No gates found "+o.where()+".")
	default:
		err = o.printTable(gates)
	}
	for _, problem := range problems {
		if err == nil {
			_, err = fmt.Fprintln(o.Streams.ErrOut, view.Clean(problem))
		}
	}
	return err
}

func (o *ListOptions) where() string {
	if o.AllNamespaces {
		return "in any namespace"
	}
	return "in " + o.Namespace + " namespace"
}

// chunk bounds the memory of a list on both sides.
const chunk = 500

func (o *ListOptions) gates(ctx context.Context) ([]Gate, error) {
	var out []Gate
	for _, name := range o.Names {
		_, gates, err := read(ctx, o.Deps, o.Namespace, name)
		if err != nil {
			return nil, err
		}
		out = append(out, gates...)
	}
	if len(o.Names) > 0 {
		return out, nil
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	options := metav1.ListOptions{LabelSelector: o.Selector, Limit: chunk}
	for {
		page, err := client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace).List(ctx, options)
		if err != nil {
			return nil, o.Cluster.Explain(err, "list canaries "+o.where())
		}
		for _, item := range page.Items {
			out = append(out, gatesOf(built(item.Object))...)
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b Gate) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Canary, b.Canary))
	})
	return out, nil
}

// probesAtOnce bounds what is asked of the API server at the same time.
const probesAtOnce = 8

// probe asks for the state of each gate that a load tester keeps, and returns what went wrong, each
// thing once.
func (o *ListOptions) probe(ctx context.Context, gates []Gate) []string {
	errs := make([]error, len(gates))
	places := make(chan struct{}, probesAtOnce)
	var all sync.WaitGroup
	for i := range gates {
		g := &gates[i]
		if g.tester == nil || !g.tester.changeable() {
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			g.State, errs[i] = probe(ctx, o.Deps, g, o.Timeout)
			g.Since = time.Time{}
		})
	}
	all.Wait()
	var problems []string
	for _, err := range errs {
		if err != nil && !slices.Contains(problems, err.Error()) {
			problems = append(problems, err.Error())
		}
	}
	return problems
}
