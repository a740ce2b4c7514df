//go:build linux

package stage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// App is the first seed's application in a namespace.
type App struct {
	// Namespace it is put into; the seed's own is default.
	Namespace string
	// Interval of the analysis; the seed's is 30s.
	Interval string
	// Provider of the canary, traefik, gatewayapi:v1 or kubernetes. The seed's is osm, which needs a
	// mesh.
	Provider string
	// Replicas of the target; the seed has 3.
	Replicas int64
	// Edit changes the seed's Canary further; nil for not at all.
	Edit func(spec map[string]any)
	// EditWorkload changes the seed's Deployment further, its kind included; nil for not at all.
	EditWorkload func(workload *unstructured.Unstructured)
}

// Host is the name under which the application is reached through the proxy.
func (a App) Host() string { return "app." + a.Namespace + ".example.com" }

// Image of a version.
func Image(version string) string { return AppImage + ":" + version }

// Apply puts the application, its Canary and its route into the cluster.
func (a App) Apply(ctx context.Context, c *testbed.Cluster) error {
	if err := a.ApplyWorkload(ctx, c); err != nil {
		return err
	}
	canary, err := a.Canary()
	if err != nil {
		return err
	}
	return c.Apply(ctx, a.Namespace, canary)
}

// ApplyWorkload puts everything but the Canary into the cluster.
func (a App) ApplyWorkload(ctx context.Context, c *testbed.Cluster) error {
	docs, err := seed()
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if doc.GetKind() == "Canary" {
			continue
		}
		doc.SetNamespace(a.Namespace)
		if a.Replicas != 0 && doc.GetKind() == "Deployment" {
			if err := unstructured.SetNestedField(doc.Object, a.Replicas, "spec", "replicas"); err != nil {
				return err
			}
		}
		if a.Provider != "traefik" && doc.GetKind() == "Deployment" {
			// Without a proxy that is asked, the application's own metrics are judged.
			err := unstructured.SetNestedStringMap(doc.Object,
				map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "80"},
				"spec", "template", "metadata", "annotations")
			if err != nil {
				return err
			}
		}
		if a.EditWorkload != nil && doc.GetKind() == "Deployment" {
			a.EditWorkload(doc)
		}
		text, err := yaml.Marshal(doc.Object)
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, a.Namespace, text); err != nil {
			return err
		}
	}
	if a.Provider != "traefik" {
		return nil
	}
	// With Traefik's own objects a route leads to the TraefikService that the agent keeps.
	return c.Apply(ctx, a.Namespace, fmt.Appendf(nil, `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: app}
spec:
  routes:
  - kind: Rule
    match: Host(%s)
    services: [{kind: TraefikService, name: app}]
`, "`"+a.Host()+"`"))
}

// Canary is the seed's Canary with the provider and the interval replaced.
func (a App) Canary() ([]byte, error) {
	docs, err := seed()
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		if doc.GetKind() != "Canary" {
			continue
		}
		doc.SetNamespace(a.Namespace)
		spec, _ := doc.Object["spec"].(map[string]any)
		spec["provider"] = a.Provider
		if a.Provider != "traefik" {
			service, _ := spec["service"].(map[string]any)
			service["gatewayRefs"] = []any{map[string]any{"name": "gateway", "namespace": "testbed"}}
			service["hosts"] = []any{a.Host()}
		}
		if a.Interval != "" {
			analysis, _ := spec["analysis"].(map[string]any)
			analysis["interval"] = a.Interval
		}
		if a.Edit != nil {
			a.Edit(spec)
		}
		return yaml.Marshal(doc.Object)
	}
	return nil, fmt.Errorf("the seed has no Canary")
}

// seed reads the first seed.
func seed() ([]*unstructured.Unstructured, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(root, "api", "v1beta1", "testdata", "seeds", "osm-app.yaml"))
	if err != nil {
		return nil, err
	}
	var docs []*unstructured.Unstructured
	for doc := range bytes.SplitSeq(content, []byte("\n---\n")) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &u.Object); err != nil {
			return nil, fmt.Errorf("read the seed: %w", err)
		}
		docs = append(docs, u)
	}
	return docs, nil
}

// Release sets the image of the target, as a user or a pipeline would.
func (a App) Release(ctx context.Context, c *testbed.Cluster, version string) error {
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, Image(version))
	_, err := c.Client().AppsV1().Deployments(a.Namespace).
		Patch(ctx, "app", types.StrategicMergePatchType, []byte(patch), fieldManager)
	if err != nil {
		return fmt.Errorf("set the image of deployment %s/app: %w", a.Namespace, err)
	}
	return nil
}

// WaitServing waits until the proxy answers with the application.
func (a App) WaitServing(ctx context.Context, c *testbed.Cluster) error {
	return poll(ctx, "the proxy to serve "+a.Host(), func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, URL(c), nil)
		if err != nil {
			return err
		}
		req.Host = a.Host()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})
}

// WaitScaledDown waits until the target has no pods.
func (a App) WaitScaledDown(ctx context.Context, c *testbed.Cluster) error {
	return poll(ctx, "deployment app at 0/0", func(ctx context.Context) error {
		d, err := c.Client().AppsV1().Deployments(a.Namespace).Get(ctx, "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if *d.Spec.Replicas != 0 || d.Status.Replicas != 0 {
			return fmt.Errorf("app has %d of %d pods", d.Status.Replicas, *d.Spec.Replicas)
		}
		return nil
	})
}

// poll repeats a check until it returns nil.
func poll(ctx context.Context, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w", what, err)
		}
	}
}

// URL of the application through the proxy, as seen inside of the namespaces.
func URL(c *testbed.Cluster) string { return strings.TrimSuffix(c.GatewayURL, "/") + "/" }
