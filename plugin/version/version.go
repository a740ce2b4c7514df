package version

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// AgentSelector finds the Deployment of the agent, wherever it is installed.
	AgentSelector = "app.kubernetes.io/name=canary-agent"
	// patience bounds the look for the agent: nobody waits long for a version.
	patience = 3 * time.Second
)

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	ClientOnly bool
}

// Info is what is printed.
type Info struct {
	Client cli.Build `json:"client"`
	// API is the group and version of the objects that are read and written.
	API string `json:"api"`
	// Agents that run in the cluster; absent with --client or when they cannot be read.
	Agents []Agent `json:"agents,omitempty"`
}

// Agent is a Deployment of the agent.
type Agent struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	Image     string `json:"image,omitempty"`
	Ready     int64  `json:"readyReplicas"`
}

// NewVersionCmd builds the command. A nil runF runs it.
func NewVersionCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of the plugin and of the agent",
		Example: `  # Without asking the cluster
  kubectl canary version --client`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.ClientOnly, "client", false, "Do not look for the agent.")
	o.AddFlags(cmd)
	return cmd
}

// Run prints the versions. An agent that cannot be found is no error.
func (o *Options) Run(ctx context.Context) error {
	info := Info{Client: o.Build, API: v1beta1.SchemeGroupVersion.String()}
	var problem error
	if !o.ClientOnly {
		info.Agents, problem = o.agents(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := o.print(info); err != nil {
		return err
	}
	if problem != nil {
		_, err := fmt.Fprintf(o.Streams.ErrOut, "agent: not known: %s\n", view.Clean(problem.Error()))
		return err
	}
	if !o.ClientOnly && len(info.Agents) == 0 {
		_, err := fmt.Fprintf(o.Streams.ErrOut, "agent: none found (no deployment with label %s)\n", AgentSelector)
		return err
	}
	return nil
}

func (o *Options) agents(ctx context.Context) ([]Agent, error) {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := client.Resource(deployments).List(ctx, metav1.ListOptions{LabelSelector: AgentSelector, Limit: 10})
	if err != nil {
		return nil, o.Cluster.Explain(err, "list the deployments of the agent")
	}
	var agents []Agent
	for i := range list.Items {
		agents = append(agents, agentOf(&list.Items[i]))
	}
	return agents, nil
}

func agentOf(d *unstructured.Unstructured) Agent {
	a := Agent{Namespace: d.GetNamespace(), Name: d.GetName(), Version: d.GetLabels()["app.kubernetes.io/version"]}
	a.Ready, _, _ = unstructured.NestedInt64(d.Object, "status", "readyReplicas")
	containers, _, _ := unstructured.NestedSlice(d.Object, "spec", "template", "spec", "containers")
	if len(containers) > 0 {
		if container, ok := containers[0].(map[string]any); ok {
			a.Image, _ = container["image"].(string)
		}
	}
	if a.Version == "" {
		image, _, _ := strings.Cut(a.Image, "@")
		if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
			a.Version = image[i+1:]
		}
	}
	return a
}

func (o *Options) print(info Info) error {
	if !o.Table() {
		object, err := view.Object("VersionInfo", "", info.Client.Version, info)
		if err != nil {
			return err
		}
		return o.Print(&o.Output, object)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "kubectl-canary %s", info.Client.Version)
	if info.Client.Commit != "" {
		fmt.Fprintf(&b, " (%s)", info.Client.Commit)
	}
	fmt.Fprintf(&b, "\nAPI %s\n", info.API)
	for _, a := range info.Agents {
		line := fmt.Sprintf("agent %s (%s/%s, %d ready)", a.Version, a.Namespace, a.Name, a.Ready)
		fmt.Fprintln(&b, view.Clean(line))
	}
	_, err := io.WriteString(o.Streams.Out, b.String())
	return err
}
