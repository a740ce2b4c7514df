package events

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	Name       string
	Namespace  string
	Watch      bool
	AllObjects bool
	NoHeaders  bool
	Types      []string
}

// NewEventsCmd builds the command. A nil runF runs it.
func NewEventsCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "events NAME",
		Short: "Show the events of a canary",
		Long: `Show the events of a canary, the latest last. The cluster keeps events for an hour
or so; "kubectl canary history" goes back further.

With --all-objects those of its target, its primary and their pods are shown as
well, of at most ` + fmt.Sprint(podLimit) + ` pods of each side, those that are not ready first.`,
		Example: `  kubectl canary events app

  # What went wrong, with the pods
  kubectl canary events app --all-objects --types Warning

  # Go on with new ones
  kubectl canary events app -w`,
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
	o.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&o.Watch, "watch", "w", false, "Go on with new events, until interrupted.")
	flags.BoolVar(&o.AllObjects, "all-objects", false, "Show the events of target, primary and their pods as well.")
	flags.BoolVar(&o.NoHeaders, "no-headers", false, "Leave out the header of the table.")
	flags.StringSliceVar(&o.Types, "types", nil, "Show these types only: Normal, Warning.")
	_ = cmd.RegisterFlagCompletionFunc("types", cobra.FixedCompletions(types, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var types = []string{corev1.EventTypeNormal, corev1.EventTypeWarning}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	for i, given := range o.Types {
		at := slices.IndexFunc(types, func(t string) bool { return strings.EqualFold(t, given) })
		if at < 0 {
			return cli.Usagef("--types: there is no type %q; use %s", given, strings.Join(types, " or "))
		}
		o.Types[i] = types[at]
	}
	if o.Watch && !o.Table() {
		return cli.Usagef("--watch prints a table; it cannot be combined with -o %s", o.Format)
	}
	return o.Output.Validate()
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

var (
	eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	podResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// Run prints the events.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	object, err := client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	canary, _ := view.Decode(object.Object)
	selectors := []fields.Set{OfCanary(object)}
	if o.AllObjects {
		more, err := o.around(ctx, client, canary)
		if err != nil {
			return err
		}
		selectors = append(selectors, more...)
	}
	if o.Watch {
		return o.watch(ctx, client, selectors)
	}
	events, err := o.list(ctx, client.Resource(eventResource).Namespace(o.Namespace), selectors)
	if err != nil {
		return o.Cluster.Explain(err, fmt.Sprintf("list the events of canary %q in namespace %q", o.Name, o.Namespace))
	}
	return o.print(events)
}

// around selects the events of what belongs to a canary. What may not be read is said and left out.
func (o *Options) around(ctx context.Context, client dynamic.Interface, c *v1beta1.Canary) ([]fields.Set, error) {
	var out []fields.Set
	for _, w := range feed.Workloads(c) {
		out = append(out, OfWorkload(w))
		object, err := client.Resource(w.Resource).Namespace(o.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err == nil {
			if selector := feed.PodSelector(object); selector != "" {
				var pods []unstructured.Unstructured
				pods, err = feed.List(ctx, client.Resource(podResource).Namespace(o.Namespace), metav1.ListOptions{LabelSelector: selector})
				out = append(out, OfPods(pods)...)
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			doing := fmt.Sprintf("find the pods of %s %s", w.Kind, w.Name)
			if _, err := fmt.Fprintf(o.Streams.ErrOut, "left out: %s\n", view.Clean(o.Cluster.Explain(err, doing).Error())); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// list reads the events of all objects, in order.
func (o *Options) list(ctx context.Context, client dynamic.ResourceInterface, selectors []fields.Set) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	for _, s := range selectors {
		items, err := feed.List(ctx, client, metav1.ListOptions{FieldSelector: s.AsSelector().String()})
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return o.chosen(all), nil
}

// chosen are the events of the types that are asked for, in order.
func (o *Options) chosen(all []unstructured.Unstructured) []unstructured.Unstructured {
	type pair struct {
		raw   unstructured.Unstructured
		event *corev1.Event
	}
	var pairs []pair
	for _, raw := range all {
		event := Decode(&raw)
		if event == nil || len(o.Types) > 0 && !slices.Contains(o.Types, event.Type) {
			continue
		}
		pairs = append(pairs, pair{raw, event})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return view.CompareEvents(a.event, b.event) })
	out := make([]unstructured.Unstructured, 0, len(pairs))
	for _, p := range pairs {
		out = append(out, p.raw)
	}
	return out
}

func (o *Options) print(events []unstructured.Unstructured) error {
	if !o.Table() {
		return o.Print(&o.Output, view.List(events))
	}
	if len(events) == 0 {
		_, err := fmt.Fprintf(o.Streams.ErrOut, "No events found for canary %s in namespace %s.\n", o.Name, o.Namespace)
		return err
	}
	return o.printTable(o.printer(), o.Streams.Out, events)
}
