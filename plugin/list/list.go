package list

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
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
	FieldSelector string
	// Phases to show; empty for all.
	Phases []string
	// SortBy is one of SortKeys; empty for namespace and name.
	SortBy    string
	NoHeaders bool
	ChunkSize int64
	Watch     bool
	// Width of the terminal in characters, which the table has to fit into; 0 for a pipe, where
	// nothing is ever left out.
	Width int

	// layout of a terminal of that width; the rows of a watch keep that of the first ones.
	layout *layout
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
them; "kubectl canary status NAME -o json" prints what can be derived from one.

On a terminal that is too narrow for the table, columns are left out, the least
telling first; into a pipe every column is written.`,
		Example: `  # The canaries of the current namespace
  kubectl canary list

  # All canaries of the cluster, with provider, target and message
  kubectl canary list -A -o wide

  # What is under way or has failed, what has the most failed checks first
  kubectl canary list -A --phase Progressing,Failed --sort-by failed

  # The revisions of the canaries of one team
  kubectl canary list -l team=shop -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.status.lastAppliedSpec}{"\n"}{end}'`,
		ValidArgsFunction: deps.CompleteNames,
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
	flags.StringVar(&o.FieldSelector, "field-selector", "", "Field selector, such as metadata.name=app; the API server knows metadata.name and metadata.namespace.")
	flags.StringSliceVar(&o.Phases, "phase", nil, "Only canaries in these phases, such as Progressing,Failed.")
	flags.StringVar(&o.SortBy, "sort-by", "", "Order: "+strings.Join(SortKeys(), ", ")+". Default: namespace, then name.")
	flags.BoolVar(&o.NoHeaders, "no-headers", false, "Leave out the header of the table.")
	flags.BoolVarP(&o.Watch, "watch", "w", false, "Go on with a row for each change, until interrupted.")
	flags.Int64Var(&o.ChunkSize, "chunk-size", 500, "Objects to ask for in one request; 0 for all at once.")
	_ = cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions(phases(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sort-by", cobra.FixedCompletions(SortKeys(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Validate finds flags that contradict each other.
func (o *Options) Validate(args []string) error {
	if len(args) > 0 && (o.AllNamespaces || o.Selector != "") {
		return cli.Usagef("names cannot be combined with -A or -l")
	}
	if len(args) > 0 && o.FieldSelector != "" {
		return cli.Usagef("names cannot be combined with --field-selector")
	}
	if o.Watch && (len(args) > 1 || !o.Table()) {
		return cli.Usagef("--watch prints a table of all canaries or of one; it cannot be combined with -o %s or several names", o.Format)
	}
	if o.Watch && (o.FieldSelector != "" || len(o.Phases) > 0 || o.SortBy != "") {
		return cli.Usagef("--watch prints changes as they come; it cannot be combined with --field-selector, --phase or --sort-by")
	}
	if o.ChunkSize < 0 {
		return cli.Usagef("--chunk-size must not be negative")
	}
	if _, err := labels.Parse(o.Selector); err != nil {
		return cli.Usagef("-l %q is not a label selector: %w", o.Selector, err)
	}
	if _, err := fields.ParseSelector(o.FieldSelector); err != nil {
		return cli.Usagef("--field-selector %q is not a field selector: %w", o.FieldSelector, err)
	}
	if err := o.validateOrder(); err != nil {
		return err
	}
	return o.Output.Validate()
}

// Complete finds out the namespace, and the width of the terminal.
func (o *Options) Complete(args []string) error {
	for _, arg := range args {
		name, err := cli.Name(arg)
		if err != nil {
			return err
		}
		o.Names = append(o.Names, name)
	}
	if file, ok := o.Streams.Out.(*os.File); ok && o.Terminal.Out {
		o.Width, _, _ = term.GetSize(int(file.Fd())) // 0 when it is not known
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
	rows, err := o.rows(ctx)
	if err != nil {
		return err
	}
	rows = o.arranged(rows)
	if !o.Table() {
		return o.printObjects(rows)
	}
	if len(rows) == 0 {
		where := "in " + o.Namespace + " namespace."
		if o.AllNamespaces {
			where = "in any namespace."
		}
		_, err := fmt.Fprintf(o.Streams.ErrOut, "No resources found %s\n", where)
		return err
	}
	views := make([]view.Canary, 0, len(rows))
	for _, r := range rows {
		views = append(views, r.view)
	}
	return o.printTable(o.printer(), o.Streams.Out, views)
}

// row is one canary of the list. A table needs no object, and what prints objects needs a view only
// in order to choose and sort.
type row struct {
	view   view.Canary
	object *unstructured.Unstructured
}

func (o *Options) rows(ctx context.Context) ([]row, error) {
	var rows []row
	if o.Table() && len(o.Names) == 0 {
		views, err := o.views(ctx)
		for _, v := range views {
			rows = append(rows, row{view: v})
		}
		return rows, err
	}
	items, err := o.items(ctx)
	for i := range items {
		r := row{object: &items[i]}
		if o.Table() || o.SortBy != "" || len(o.Phases) > 0 {
			c, problem := view.Decode(items[i].Object)
			r.view = view.Build(c, view.Extra{Problem: problem})
		}
		rows = append(rows, r)
	}
	return rows, err
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
	options := metav1.ListOptions{LabelSelector: o.Selector, FieldSelector: o.FieldSelector, Limit: o.ChunkSize}
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
func (o *Options) printObjects(rows []row) error {
	if len(o.Names) == 1 && len(rows) == 1 {
		return o.Print(&o.Output, rows[0].object)
	}
	list := &unstructured.UnstructuredList{
		Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}},
		Items:  make([]unstructured.Unstructured, 0, len(rows)),
	}
	for _, r := range rows {
		list.Items = append(list.Items, *r.object)
	}
	return o.Print(&o.Output, list)
}
