package set

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// ImageOptions of `set image`.
type ImageOptions struct {
	cli.Deps
	cli.Output

	Namespace, Name string
	// Images that are wanted, in the order given.
	Images       []Image
	Reason       string
	DryRun       cli.DryRun
	FieldManager string
}

// Image is CONTAINER=IMAGE.
type Image struct {
	// Container by name; * for all.
	Container string
	Image     string
}

// NewSetCmd builds `set` with its subcommands.
func NewSetCmd(deps cli.Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set the image of a target, which starts a release",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unknown command %q for %q; see: %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(NewImageCmd(deps, nil))
	return cmd
}

// NewImageCmd builds `set image`. A nil runF runs it.
func NewImageCmd(deps cli.Deps, runF func(context.Context, *ImageOptions) error) *cobra.Command {
	o := &ImageOptions{Deps: deps}
	cmd := &cobra.Command{
		Use:   "image NAME CONTAINER=IMAGE…",
		Short: "Set the image of the target of a canary, which starts a release",
		Long: `Set images in the pod template of the target of a canary: a Deployment, a DaemonSet,
or a Knative Service. That is a new revision, so a run begins.

CONTAINER is the name of a container or init container, or * for all of them. The
reason is kept in the annotation kubernetes.io/change-cause of the target.`,
		Example: `  # Release a new version and look on
  kubectl canary set image app web=shop/app:2.0 && kubectl canary watch app

  # What would be sent, checked by the API server
  kubectl canary set image app web=shop/app:2.0 --dry-run=server -o yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usagef("which canary? usage: %s", cmd.UseLine())
			}
			if _, err := cli.Name(args[0]); err != nil {
				return err
			}
			if len(args) == 1 {
				return cli.Usagef("which image? usage: %s", cmd.UseLine())
			}
			_, err := parseImages(args[1:])
			return err
		},
		ValidArgsFunction: o.complete,
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
	o.DryRun.AddFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.Reason, "reason", "", "Why; kept in the annotation kubernetes.io/change-cause of the target.")
	flags.StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	return cmd
}

// parseImages reads CONTAINER=IMAGE, one or more.
func parseImages(args []string) ([]Image, error) {
	var images []Image
	for _, arg := range args {
		container, image, found := strings.Cut(arg, "=")
		switch {
		case !found || container == "" || image == "":
			return nil, cli.Usagef("%q is not CONTAINER=IMAGE, such as web=shop/app:2.0", arg)
		case strings.ContainsAny(image, " \t\r\n") || image != view.Clean(image):
			return nil, cli.Usagef("%q is not the name of an image", image)
		case slices.ContainsFunc(images, func(i Image) bool { return i.Container == container }):
			return nil, cli.Usagef("container %q is given twice", container)
		}
		images = append(images, Image{container, image})
	}
	if len(images) > 1 && slices.ContainsFunc(images, func(i Image) bool { return i.Container == "*" }) {
		return nil, cli.Usagef("* stands for all containers; it cannot be combined with others")
	}
	return images, nil
}

// Validate finds flags that make no sense.
func (o *ImageOptions) Validate() error {
	if o.FieldManager == "" {
		return cli.Usagef("--field-manager must not be empty")
	}
	return o.Output.Validate()
}

// Complete reads the arguments and finds out the namespace.
func (o *ImageOptions) Complete(args []string) error {
	var err error
	if o.Name, err = cli.Name(args[0]); err != nil {
		return err
	}
	if o.Images, err = parseImages(args[1:]); err != nil {
		return err
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Run sets the images, and says what is unusual about that.
func (o *ImageOptions) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	canary, seen, err := o.canary(ctx, client)
	if err != nil {
		return err
	}
	t, err := targetOf(canary)
	if err != nil {
		return err
	}
	object, err := t.get(ctx, o.Deps, client, t.name)
	if err != nil {
		return err
	}
	changes, err := t.changes(object, o.Images)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return o.done(t, object, "unchanged", "")
	}
	for _, warning := range o.warnings(ctx, client, t, seen, object, changes) {
		if _, err := fmt.Fprintln(o.Streams.ErrOut, view.Clean("warning: "+warning)); err != nil {
			return err
		}
	}
	if o.DryRun == cli.DryRunClient {
		object, err = t.changed(object, changes, o.Reason)
	} else {
		object, err = o.send(ctx, client, t, object, changes)
	}
	if err != nil {
		return err
	}
	return o.done(t, object, "updated", o.next())
}

func (o *ImageOptions) canary(ctx context.Context, client dynamic.Interface) (*v1beta1.Canary, view.Canary, error) {
	object, err := client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return nil, view.Canary{}, o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	c, problem := view.Decode(object.Object)
	return c, view.Build(c, view.Extra{Problem: problem}), nil
}

func (o *ImageOptions) send(ctx context.Context, client dynamic.Interface, t target, object *unstructured.Unstructured, changes []change) (*unstructured.Unstructured, error) {
	kind, patch, err := t.patch(object, changes, o.Reason)
	if err != nil {
		return nil, err
	}
	sent, err := client.Resource(t.resource).Namespace(t.namespace).Patch(ctx, t.name, kind, patch,
		metav1.PatchOptions{FieldManager: o.FieldManager, DryRun: o.DryRun.Options()})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s was deleted meanwhile; nothing was done", t)
	}
	if err != nil {
		return nil, o.Cluster.Explain(err, fmt.Sprintf("set the image of %s in namespace %q", t, t.namespace))
	}
	return sent, nil
}

func (o *ImageOptions) done(t target, object *unstructured.Unstructured, what, next string) error {
	if !o.Table() {
		return o.Print(&o.Output, object)
	}
	if _, err := fmt.Fprintf(o.Streams.Out, "%s image %s%s\n", t, what, o.DryRun.Suffix()); err != nil || next == "" {
		return err
	}
	_, err := fmt.Fprintln(o.Streams.ErrOut, next)
	return err
}

// next is the command to go on with.
func (o *ImageOptions) next() string {
	if o.DryRun.String() != string(cli.DryRunNone) {
		return ""
	}
	command := "kubectl canary watch " + o.Name
	if o.Cluster.NamespaceGiven() {
		command += " -n " + o.Namespace
	}
	return "next: " + command
}
