package create

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output
	Settings

	Namespace    string
	DryRun       cli.DryRun
	FieldManager string
}

// NewCreateCmd builds the command. A nil runF runs it.
func NewCreateCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps, Settings: DefaultSettings()}
	cmd := &cobra.Command{
		Use:   "create NAME|deployment/NAME",
		Short: "Create a canary for a workload",
		Long: `Create a Canary for a Deployment or DaemonSet. The target is the Deployment of the
same name unless --target says otherwise; the port is that of its first container
unless --service-port does.

With --dry-run=client -o yaml --service-port PORT no cluster is needed.`,
		Example: `  # A canary for deployment app: 10% more every minute up to 50%, then promotion
  kubectl canary create deployment/app

  # The same for a repository
  kubectl canary create app --service-port 8080 --dry-run=client -o yaml > canary.yaml

  # Through a Gateway, in four steps of 30 seconds
  kubectl canary create app --gateway infra/public --step-weights 1,5,20,50 --interval 30s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("one name, or deployment/NAME, is needed; usage: %s", cmd.UseLine())
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return o.completeWorkload(cmd, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Changed = cmd.Flags().Changed
			if err := o.Complete(args); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
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
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	for flag, complete := range map[string]func(*cobra.Command, string) ([]string, cobra.ShellCompDirective){
		"target": o.completeWorkload, "gateway": o.completeGateway,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag,
			func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return complete(cmd, typed)
			})
	}
	return cmd
}

// Complete reads the argument and finds out the namespace.
func (o *Options) Complete(args []string) error {
	if err := o.parse(args[0]); err != nil {
		return err
	}
	var err error
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Validate finds flags that contradict each other.
func (o *Options) Validate() error {
	if err := o.validate(); err != nil {
		return err
	}
	return o.Output.Validate()
}

// Run builds the canary, checks it as the agent will, and sends or prints it.
func (o *Options) Run(ctx context.Context) error {
	if o.ServicePort == 0 {
		port, err := o.findPort(ctx)
		if err != nil {
			return err
		}
		o.ServicePort = port
	}
	canary := o.canary(o.Namespace)
	errs := v1beta1.Validate(canary)
	if len(errs) > 0 {
		return fmt.Errorf("this would not be a valid canary: %w", errs.ToAggregate())
	}
	if _, err := v1beta1.StepPlan(canary.Spec.Analysis); err != nil {
		return fmt.Errorf("this would not be a valid canary: %w", err)
	}
	object, err := toObject(canary)
	if err != nil {
		return err
	}
	if o.DryRun == cli.DryRunClient {
		// For a repository: kubectl apply fills in a namespace that was not asked for.
		if !o.Cluster.NamespaceGiven() {
			object.SetNamespace("")
		}
	} else {
		if object, err = o.send(ctx, object); err != nil {
			return err
		}
	}
	if !o.Table() {
		return o.Print(&o.Output, object)
	}
	_, err = fmt.Fprintf(o.Streams.Out, "%s created%s\n", cli.Resource(o.Name), o.DryRun.Suffix())
	return err
}

// send creates rather than applies: the fields belong to whoever edits them next, and the verbs,
// which apply under the same name, must not give them up.
func (o *Options) send(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	created, err := client.Resource(v1beta1.CanaryResource).Namespace(o.Namespace).Create(ctx, object, metav1.CreateOptions{
		FieldManager: o.FieldManager, DryRun: o.DryRun.Options(), FieldValidation: metav1.FieldValidationWarn,
	})
	if apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("canary %q exists already in namespace %q; to change it: kubectl edit canary %s -n %s",
			o.Name, o.Namespace, o.Name, o.Namespace)
	}
	if err != nil {
		return nil, o.Cluster.Explain(err, fmt.Sprintf("create canary %q in namespace %q", o.Name, o.Namespace))
	}
	return created, nil
}

// toObject leaves out what only the server fills in.
func toObject(c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
	if err != nil {
		return nil, fmt.Errorf("cannot encode canary %q: %w", c.Name, err)
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: content}, nil
}
