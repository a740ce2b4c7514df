package explain

import (
	"context"
	"os"
	"strconv"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/target"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	Name      string
	Namespace string
}

// Explained is what -o prints.
type Explained struct {
	Canary string      `json:"canary"`
	Phase  string      `json:"phase"`
	Health view.Health `json:"health"`
	Explanation
}

// NewExplainCmd builds the command. A nil runF runs it.
func NewExplainCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "explain NAME",
		Short: "Explain why a canary is where it is, and what comes next",
		Long: `Explain in plain words why a canary is where it is, what is awaited, what happens
next and when, and what you can do about it: the commands that work now, and why
the others do not.`,
		Example: `  kubectl canary explain app

  # What can be done, for scripts
  kubectl canary explain app -o jsonpath='{range .actions[*]}{.command}{"\n"}{end}'`,
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
	return cmd
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

// Run prints the explanation.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	v, err := feed.Get(ctx, feed.Options{Client: client, Namespace: o.Namespace, Name: o.Name, Detail: true})
	if err != nil {
		return o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	around(ctx, client, &v)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := Explain(v, o.Now())
	if o.Table() {
		return write(o.Streams.Out, e, o.Now(), o.width())
	}
	object, err := view.Object("Explanation", v.Namespace, v.Name, Explained{v.Name, v.Phase, v.Health, e})
	if err != nil {
		return err
	}
	return o.Print(&o.Output, object)
}

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// around reads what an explanation needs beside the view: the revision that the target has, and,
// for a canary that is nobody's or another's, who could run it. What cannot be read is left out.
func around(ctx context.Context, client dynamic.Interface, v *view.Canary) {
	var reads sync.WaitGroup
	reads.Go(func() {
		if r, err := target.Read(ctx, client, v.Namespace, v.Target); err == nil {
			v.LiveRevision = r.ID
		}
	})
	if v.Phase == "" || v.Foreign {
		reads.Go(func() { v.Controllers = controllersOf(ctx, client) })
	}
	reads.Wait()
}

func controllersOf(ctx context.Context, client dynamic.Interface) []view.Controller {
	const label = "app.kubernetes.io/name"
	list, err := client.Resource(deployments).List(ctx, metav1.ListOptions{LabelSelector: label + " in (canary-agent,flagger)", Limit: 10})
	if err != nil {
		return nil
	}
	all := []view.Controller{}
	for _, d := range list.Items {
		ready, _, _ := unstructured.NestedInt64(d.Object, "status", "readyReplicas")
		all = append(all, view.Controller{Name: d.GetLabels()[label], Namespace: d.GetNamespace(), Deployment: d.GetName(), Ready: ready})
	}
	return all
}

// width of the terminal; 80 where there is none.
func (o *Options) width() int {
	const usual = 80
	if !o.Terminal.Out {
		return usual
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	if f, ok := o.Streams.Out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return usual
}
