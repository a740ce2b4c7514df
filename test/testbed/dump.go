//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// notDumped are kinds that say nothing about a failed test, or are secret.
var notDumped = []string{
	"secrets", "leases", "endpoints", "controllerrevisions", "apiservices", "flowschemas",
	"prioritylevelconfigurations", "clusterroles", "clusterrolebindings",
	"customresourcedefinitions", "componentstatuses", "ipaddresses", "servicecidrs",
}

// Dump writes all that helps to understand a failure to dir: the objects of the
// cluster as one YAML file per kind, Traefik's routing table, and the logs of
// all processes and pods. It goes on after an error, since a broken cluster is
// the usual reason to call it.
func (c *Cluster) Dump(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o755); err != nil {
		return err
	}
	return errors.Join(
		copyLogs(filepath.Join(c.Dir, "logs"), filepath.Join(dir, "logs")),
		copyLogs(filepath.Join(c.Dir, "node"), filepath.Join(dir, "pods")),
		c.dumpRoutes(ctx, filepath.Join(dir, "traefik.json")),
		c.dumpObjects(ctx, filepath.Join(dir, "objects")),
	)
}

func (c *Cluster) dumpObjects(ctx context.Context, dir string) error {
	c.objects.discovery.Invalidate()
	lists, err := c.objects.discovery.ServerPreferredResources()
	all := []error{err}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || slices.Contains(notDumped, r.Name) || gv.Group == "events.k8s.io" {
				continue
			}
			all = append(all, c.dumpKind(ctx, dir, gv.WithResource(r.Name)))
		}
	}
	return errors.Join(all...)
}

func (c *Cluster) dumpKind(ctx context.Context, dir string, gvr schema.GroupVersionResource) error {
	list, err := c.objects.client.Resource(gvr).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list %s: %w", gvr.GroupResource(), err)
	}
	if len(list.Items) == 0 {
		return nil
	}
	var text strings.Builder
	for _, o := range list.Items {
		unstructured.RemoveNestedField(o.Object, "metadata", "managedFields")
		one, err := yaml.Marshal(o.Object)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", one)
	}
	return os.WriteFile(filepath.Join(dir, gvr.GroupResource().String()+".yaml"), []byte(text.String()), 0o644)
}

func (c *Cluster) dumpRoutes(ctx context.Context, path string) error {
	if c.GatewayURL == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.GatewayURL+":"+traefikAPIPort+"/api/rawdata", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("read Traefik's routing table: %w", err)
	}
	defer resp.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, resp.Body)
	return err
}

// copyLogs copies the *.log files below from, keeping their relative paths.
func copyLogs(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // never started, or removed while we look
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".log" {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}
