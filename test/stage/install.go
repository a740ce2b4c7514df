//go:build linux

package stage

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/manifests"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// AgentNamespace is where the shipped manifests put the agent.
const AgentNamespace = "canary-system"

// agentArgs are what an administrator would set for the test cluster.
var agentArgs = []string{"--metrics-server=http://prometheus.monitoring:9090", "--log-level=debug"}

// InstallPolicy applies the shipped admission policy. Without it, which is what Install leaves, the
// agent has to cope with whatever somebody writes.
func InstallPolicy(ctx context.Context, c *testbed.Cluster) error {
	policies, err := manifests.Policies()
	if err != nil {
		return err
	}
	for _, doc := range policies {
		if err := c.Apply(ctx, "", doc); err != nil {
			return fmt.Errorf("install the admission policy: %w", err)
		}
	}
	return nil
}

// Install applies the shipped CRDs, roles and manifests and waits for the agent. Extra arguments come
// after those of the manifest.
func Install(ctx context.Context, c *testbed.Cluster, extra ...string) error {
	crds, err := manifests.CRDs()
	if err != nil {
		return err
	}
	agent, err := manifests.Agent()
	if err != nil {
		return err
	}
	roles, err := manifests.Roles()
	if err != nil {
		return err
	}
	for _, doc := range slices.Concat(crds, roles, agent) {
		if doc, err = withArgs(doc, append(slices.Clone(agentArgs), extra...)); err != nil {
			return err
		}
		if err := c.Apply(ctx, "", doc); err != nil {
			return fmt.Errorf("install: %w", err)
		}
	}
	return WaitAgent(ctx, c)
}

// ScaleAgent sets the number of replicas of the installed agent and waits until they run, or are
// gone.
func ScaleAgent(ctx context.Context, c *testbed.Cluster, replicas int) error {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err := c.Client().AppsV1().Deployments(AgentNamespace).Patch(ctx, AgentImage, types.MergePatchType, patch, fieldManager)
	if err != nil {
		return fmt.Errorf("scale the agent to %d: %w", replicas, err)
	}
	return poll(ctx, fmt.Sprintf("%d replicas of the agent", replicas), func(ctx context.Context) error {
		pods, err := c.Client().CoreV1().Pods(AgentNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(pods.Items) != replicas {
			return fmt.Errorf("there are %d pods", len(pods.Items))
		}
		if replicas == 0 {
			return nil
		}
		return WaitAgent(ctx, c)
	})
}

// AgentKubeconfig writes a kubeconfig with which a process has the rights of the installed agent,
// for an hour, and no more.
func AgentKubeconfig(ctx context.Context, c *testbed.Cluster, path string) error {
	hour := int64(3600)
	token, err := c.Client().CoreV1().ServiceAccounts(AgentNamespace).CreateToken(ctx, AgentImage,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("get a token for service account %s/%s: %w; install the agent first", AgentNamespace, AgentImage, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["testbed"] = &clientcmdapi.Cluster{Server: c.RESTConfig.Host, CertificateAuthorityData: c.RESTConfig.CAData}
	config.AuthInfos["agent"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["agent"] = &clientcmdapi.Context{Cluster: "testbed", AuthInfo: "agent"}
	config.CurrentContext = "agent"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write the kubeconfig %s: %w", path, err)
	}
	return nil
}

// withArgs adds arguments to the manifest of the agent's Deployment and leaves others alone.
func withArgs(doc []byte, args []string) ([]byte, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &kind); err != nil || kind.Kind != "Deployment" {
		return doc, nil //nolint:nilerr // Several documents in one: not the Deployment.
	}
	var d appsv1.Deployment
	if err := yaml.Unmarshal(doc, &d); err != nil {
		return nil, fmt.Errorf("read the agent's Deployment: %w", err)
	}
	container := &d.Spec.Template.Spec.Containers[0]
	container.Args = append(container.Args, args...)
	return yaml.Marshal(d)
}

// WaitAgent waits until the agent is ready.
func WaitAgent(ctx context.Context, c *testbed.Cluster) error {
	last := "it was not found"
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		d, err := c.Client().AppsV1().Deployments(AgentNamespace).Get(ctx, AgentImage, metav1.GetOptions{})
		if err != nil {
			last = err.Error()
			return false, nil //nolint:nilerr // Asked again until the time is up.
		}
		last = fmt.Sprintf("%d of %d pods are ready", d.Status.ReadyReplicas, *d.Spec.Replicas)
		return d.Status.ObservedGeneration >= d.Generation && d.Status.ReadyReplicas == *d.Spec.Replicas && d.Status.UpdatedReplicas == *d.Spec.Replicas, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the agent in %s: %w: %s", AgentNamespace, err, last)
	}
	return nil
}
