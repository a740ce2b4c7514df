package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Selection is which canaries a command is about: those that are named, those with a label, or all
// of a namespace or of the cluster. Embed it and call AddFlags, Complete and Find in this order.
type Selection struct {
	// Names as given, in order, without doubles.
	Names []string
	// Namespace of the names; empty with AllNamespaces.
	Namespace string
	// AllNamespaces goes with Selector or All.
	AllNamespaces bool
	// Selector chooses by labels.
	Selector string
	// All chooses every canary.
	All bool
}

// AddFlags binds -l, --all and -A.
func (s *Selection) AddFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&s.Selector, "selector", "l", "", "Choose canaries by labels, such as app=web,tier!=test, in place of names.")
	flags.BoolVar(&s.All, "all", false, "Choose all canaries of the namespace, in place of names.")
	flags.BoolVarP(&s.AllNamespaces, "all-namespaces", "A", false, "With -l or --all: choose in all namespaces.")
}

// Complete reads the arguments and finds out the namespace. What contradicts itself, or chooses
// nothing, is a mistake of usage.
func (s *Selection) Complete(d Deps, cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		name, err := Name(arg)
		if err != nil {
			return err
		}
		if !slices.Contains(s.Names, name) {
			s.Names = append(s.Names, name)
		}
	}
	switch {
	case len(s.Names) > 0 && (s.Selector != "" || s.All || s.AllNamespaces):
		return Usagef("names cannot be combined with -l, --all or -A")
	case s.Selector != "" && s.All:
		return Usagef("-l and --all contradict each other")
	case len(s.Names) == 0 && s.Selector == "" && !s.All:
		return Usagef("which canary? name one or more, or choose with -l or --all; usage: %s", cmd.UseLine())
	}
	if _, err := labels.Parse(s.Selector); err != nil {
		return Usagef("-l %q is not a label selector: %w", s.Selector, err)
	}
	if s.AllNamespaces {
		return nil
	}
	var err error
	s.Namespace, err = d.Cluster.Namespace()
	return err
}

// Single is true when exactly one canary was named.
func (s *Selection) Single() bool { return len(s.Names) == 1 }

// Found is one canary that was chosen, or why one that was named cannot be read.
type Found struct {
	Namespace, Name string
	View            view.Canary
	Err             error
}

// Find reads the canaries. A name that does not exist is an error of its own, beside the others
// that do; that nothing at all matches -l or --all is an error too.
func (s *Selection) Find(ctx context.Context, d Deps) ([]Found, error) {
	client, err := d.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	if len(s.Names) > 0 {
		return s.named(ctx, d, client)
	}
	var found []Found
	options := metav1.ListOptions{LabelSelector: s.Selector, Limit: selectionChunk}
	for {
		page, err := client.Resource(v1beta1.CanaryResource).Namespace(s.Namespace).List(ctx, options)
		if err != nil {
			return nil, d.Cluster.Explain(err, "list canaries "+s.where())
		}
		for _, item := range page.Items {
			found = append(found, read(item.Object, item.GetNamespace(), item.GetName()))
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no canary was found %s", s.where())
	}
	return found, nil
}

// selectionChunk bounds the memory of a list on both sides.
const selectionChunk = 500

func (s *Selection) named(ctx context.Context, d Deps, client dynamic.Interface) ([]Found, error) {
	found := make([]Found, 0, len(s.Names))
	for _, name := range s.Names {
		item, err := client.Resource(v1beta1.CanaryResource).Namespace(s.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			found = append(found, Found{Namespace: s.Namespace, Name: name, Err: d.Explain(ctx, err, "read", s.Namespace, name)})
			continue
		}
		found = append(found, read(item.Object, s.Namespace, name))
	}
	return found, nil
}

func read(object map[string]any, namespace, name string) Found {
	c, problem := view.Decode(object)
	return Found{Namespace: namespace, Name: name, View: view.Build(c, view.Extra{Problem: problem})}
}

func (s *Selection) where() string {
	where := fmt.Sprintf("in namespace %q", s.Namespace)
	if s.AllNamespaces {
		where = "in all namespaces"
	}
	if s.Selector != "" {
		where += fmt.Sprintf(" with labels %q", s.Selector)
	}
	return where
}

// Label names a canary in a message about several: with its namespace when it is not the only one.
func (s *Selection) Label(f Found) string {
	if s.AllNamespaces {
		return f.Namespace + "/" + f.Name
	}
	return f.Name
}
