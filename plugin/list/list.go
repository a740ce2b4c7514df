package list

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	Names         []string
	Namespace     string
	AllNamespaces bool
	Selector      string
	NoHeaders     bool
	ChunkSize     int64
	Watch         bool
}

// NewListCmd builds the command. A nil runF runs it.
func NewListCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps, Output: cli.Output{Formats: []string{"wide"}}}
	cmd := &cobra.Command{
		Use:     "list [NAME…]",
		Aliases: []string{"ls", "get"},
		Short:   "List canaries with weight, step and failed checks",
		Long: `List canaries: phase, share of the traffic, step of the run, and failed checks.

With -o json, yaml, jsonpath and the like the objects are printed as the API has
them; "kubectl canary status NAME -o json" prints what can be derived from one.`,
		Example: `  # The canaries of the current namespace
  kubectl canary list

  # All canaries of the cluster, with provider, target and message
  kubectl canary list -A -o wide

  # The names of the canaries of one team that are under way
  kubectl canary list -l team=shop -o jsonpath='{range .items[?(@.status.phase=="Progressing")]}{.metadata.name}{"\n"}{end}'`,
		Args: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if _, err := cli.Name(arg); err != nil {
					return err
				}
			}
			return nil
		},
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
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "List the canaries of all namespaces.")
	flags.StringVarP(&o.Selector, "selector", "l", "", "Label selector, such as app=web,tier!=test.")
	flags.BoolVar(&o.NoHeaders, "no-headers", false, "Leave out the header of the table.")
	flags.BoolVarP(&o.Watch, "watch", "w", false, "Go on with a row for each change, until interrupted.")
	flags.Int64Var(&o.ChunkSize, "chunk-size", 500, "Objects to ask for in one request; 0 for all at once.")
	return cmd
}

// Validate finds flags that contradict each other.
func (o *Options) Validate(args []string) error {
	if len(args) > 0 && (o.AllNamespaces || o.Selector != "") {
		return cli.Usagef("names cannot be combined with -A or -l")
	}
	if o.Watch && (len(args) > 1 || !o.Table()) {
		return cli.Usagef("--watch prints a table of all canaries or of one; it cannot be combined with -o %s or several names", o.Format)
	}
	if _, err := labels.Parse(o.Selector); err != nil {
		return cli.Usagef("-l %q is not a label selector: %w", o.Selector, err)
	}
	return o.Output.Validate()
}

// Complete finds out the namespace.
func (o *Options) Complete(args []string) error {
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

// Run prints the list.
func (o *Options) Run(ctx context.Context) error {
	if o.Watch {
		return o.watch(ctx)
	}
	items, err := o.items(ctx)
	if err != nil {
		return err
	}
	if len(items) == 0 && o.Table() {
		where := "in " + o.Namespace + " namespace."
		if o.AllNamespaces {
			where = "in any namespace."
		}
		_, err := fmt.Fprintf(o.Streams.ErrOut, "No resources found %s\n", where)
		return err
	}
	if !o.Table() {
		return o.printObjects(items)
	}
	views := make([]view.Canary, 0, len(items))
	for i := range items {
		c, problem := view.Decode(items[i].Object)
		views = append(views, view.Build(c, view.Extra{Problem: problem}))
	}
	return o.printTable(o.printer(), o.Streams.Out, views)
}

func (o *Options) items(ctx context.Context) ([]unstructured.Unstructured, error) {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	canaries := client.Resource(v1beta1.CanaryResource)
	var items []unstructured.Unstructured
	for _, name := range o.Names {
		item, err := canaries.Namespace(o.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, o.Explain(ctx, err, "read", o.Namespace, name)
		}
		items = append(items, *item)
	}
	if len(o.Names) > 0 {
		return items, nil
	}
	options := metav1.ListOptions{LabelSelector: o.Selector, Limit: o.ChunkSize}
	for {
		page, err := canaries.Namespace(o.Namespace).List(ctx, options)
		if err != nil {
			return nil, o.Cluster.Explain(err, "list canaries"+o.where())
		}
		items = append(items, page.Items...)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return items, nil
		}
	}
}

func (o *Options) where() string {
	if o.AllNamespaces {
		return " in all namespaces"
	}
	return fmt.Sprintf(" in namespace %q", o.Namespace)
}

// printObjects prints one object by itself if it was asked for by name, else a List, as kubectl does.
func (o *Options) printObjects(items []unstructured.Unstructured) error {
	if len(o.Names) == 1 {
		return o.Print(&o.Output, &items[0])
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}}
	list.Items = items
	return o.Print(&o.Output, list)
}
