//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

// Cluster is a running test cluster.
type Cluster struct {
	// RESTConfig has an administrator's rights and no client-side rate limit.
	RESTConfig *rest.Config
	// Kubeconfig is a file for programs inside the namespace.
	Kubeconfig string
	// HostKubeconfig is a file for programs outside, such as an ordinary kubectl.
	HostKubeconfig string
	// GatewayURL is the data plane as seen inside, HostGatewayURL outside.
	GatewayURL, HostGatewayURL string
	// PrometheusURL is Prometheus as seen inside, HostPrometheusURL outside.
	PrometheusURL, HostPrometheusURL string
	// Dir belongs to this cluster alone and is removed after the program.
	Dir string
	// Processes controls the cluster's processes by name (see package binaries).
	Processes *supervise.Group
	// Node runs the pods; nil without a data plane.
	Node *nodelet.Nodelet

	client   kubernetes.Interface
	objects  *objects
	creds    *credentials
	binaries binaries.Set
	options  Options
	log      *slog.Logger
	logFile  io.Closer

	cancel  context.CancelFunc // ends what runs inside this process
	running sync.WaitGroup
	stop    sync.Once

	mu     sync.Mutex
	failed []error // what ended by itself

	dumped sync.Map // tests that were dumped
}

// startTimeout bounds a start on a slow and busy machine; usually it takes seconds.
const startTimeout = 3 * time.Minute

// Start starts a cluster. The program must have gone through Main or Reexec. One
// process can have one cluster at a time, because all use the same addresses.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if session == nil {
		if refused != nil {
			return nil, refused
		}
		return nil, errors.New("start a test cluster: the program is not inside its namespaces; call testbed.Main in TestMain, or testbed.Reexec in main")
	}
	dir, err := os.MkdirTemp(session.Dir, "cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Dir:            dir,
		Kubeconfig:     filepath.Join(dir, "kubeconfig"),
		HostKubeconfig: filepath.Join(dir, "host.kubeconfig"),
		options:        o,
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the test cluster did not start within %s", startTimeout))
	defer cancel()
	if err := c.start(ctx); err != nil {
		err = fmt.Errorf("start the test cluster: %w", err)
		if !errors.Is(err, context.Canceled) {
			dir := ArtifactsDir("start")
			err = errors.Join(fmt.Errorf("%w; its logs: %s", err, dir), copyLogs(filepath.Join(c.Dir, "logs"), dir))
		}
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Program is the path of one of the cluster's programs, or of Options.Clients.
func (c *Cluster) Program(name string) string { return c.binaries.Path(name) }

func (c *Cluster) start(ctx context.Context) error {
	begin := time.Now()
	logs := filepath.Join(c.Dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	if c.log = c.options.Log; c.log == nil {
		f, err := os.Create(filepath.Join(logs, "testbed.log"))
		if err != nil {
			return err
		}
		c.logFile = f
		c.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	// What client-go has to say is about the cluster too, and must not get into a screen that is
	// drawn on the terminal.
	klog.SetSlogLogger(c.log)
	c.Processes = supervise.NewGroup(logs, c.log)

	var inside context.Context
	inside, c.cancel = context.WithCancel(context.Background())

	var err error
	if c.binaries, err = binaries.Ensure(ctx, os.Stderr, c.options.programs()...); err != nil {
		return err
	}
	if c.creds, err = newCredentials(filepath.Join(c.Dir, "credentials")); err != nil {
		return err
	}
	if err := c.exposeAPIServer(inside); err != nil {
		return err
	}
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if c.options.Profile == Full {
		if err := c.startDataPlane(ctx, inside); err != nil {
			return err
		}
	}
	if err := c.waitForController(ctx); err != nil {
		return err
	}
	c.log.Info("test cluster ready", "after", time.Since(begin).Round(time.Millisecond))
	return nil
}

// exposeAPIServer writes the kubeconfigs and makes the clients.
func (c *Cluster) exposeAPIServer(inside context.Context) error {
	if err := c.creds.writeKubeconfig(c.Kubeconfig, apiServerURL, c.creds.adminToken); err != nil {
		return err
	}
	host := c.forward(inside, HostAPIServer, apiServerAddr.String()+":6443")
	if err := c.creds.writeKubeconfig(c.HostKubeconfig, "https://"+host, c.creds.adminToken); err != nil {
		return err
	}
	c.RESTConfig = &rest.Config{
		Host:            apiServerURL,
		BearerToken:     c.creds.adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.creds.caCert},
		QPS:             -1,
	}
	var err error
	if c.client, err = kubernetes.NewForConfig(c.RESTConfig); err != nil {
		return err
	}
	c.objects, err = newObjects(c.RESTConfig)
	return err
}

func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.Processes.Run(ctx, etcdSpec(c.binaries, c.Dir)); err != nil {
		return err
	}
	if err := c.Processes.Run(ctx, apiServerSpec(c.binaries, c.creds, c.Dir, c.options.APIServerArgs)); err != nil {
		return err
	}
	return c.Processes.Run(ctx, controllerManagerSpec(c.binaries, c.creds))
}

// waitForController waits for the first thing every pod needs from the
// controllers: the service account of its namespace and the CA bundle in it.
func (c *Cluster) waitForController(ctx context.Context) error {
	return c.wait(ctx, "the controllers to set up the namespace default", func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		if err == nil {
			_, err = c.client.CoreV1().ConfigMaps(corev1.NamespaceDefault).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		}
		return err
	})
}

// wait polls until check agrees. It gives up early if a process ends by itself.
func (c *Cluster) wait(ctx context.Context, what string, check func(context.Context) error) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if failed := c.Err(); failed != nil {
			return fmt.Errorf("wait for %s: %w", what, failed)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Restart ends a process of the cluster with signal 9 (etcd, kube-apiserver, ...; see package
// binaries), leaves it away for a while, and starts it again on its data and addresses. It returns
// when the process is ready.
func (c *Cluster) Restart(ctx context.Context, name string, away time.Duration) error {
	if err := c.Processes.Kill9(name); err != nil {
		return err
	}
	timer := time.NewTimer(away)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("restart %s: %w", name, context.Cause(ctx))
	}
	return c.Processes.Start(ctx, name)
}

// Client is a typed client with an administrator's rights.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Err says which parts of the cluster ended without being asked to, or nil.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(append([]error{c.Processes.Exited()}, c.failed...)...)
}

// background runs a part of the cluster that lives in this process.
func (c *Cluster) background(ctx context.Context, name string, run func(context.Context) error) {
	c.running.Go(func() {
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		c.log.Error("ended by itself", "name", name, "error", err)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed = append(c.failed, fmt.Errorf("%s ended by itself: %w", name, err))
	})
}

// Stop ends everything. It may be called more than once.
func (c *Cluster) Stop() {
	c.stop.Do(func() {
		if c.cancel != nil {
			c.cancel()
		}
		c.running.Wait()
		if c.Processes != nil {
			c.Processes.StopAll()
		}
		if c.logFile != nil {
			c.logFile.Close()
		}
		os.RemoveAll(c.Dir)
	})
}
