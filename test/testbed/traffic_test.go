//go:build linux

package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// twoVersions is two Deployments with a Service each, and a route that splits
// requests for one host between them.
const twoVersions = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata:
      labels: {app: %[1]s}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: server
        image: server:%[1]s
        env: [{name: VERSION, value: %[1]s}]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
`

const splitRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: split}
spec:
  parentRefs: [{name: gateway, namespace: testbed}]
  hostnames: [%[1]s.example.com]
  rules:
  - backendRefs:
    - {name: one, port: 80, weight: %[2]d}
    - {name: two, port: 80, weight: %[3]d}
`

func TestGatewaySplitsTraffic(t *testing.T) {
	c := Shared(t)
	ns := c.Namespace(t)
	ctx := t.Context()
	apply := func(text string) {
		t.Helper()
		if err := c.Apply(ctx, ns, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	apply(fmt.Sprintf(twoVersions, "one") + fmt.Sprintf(twoVersions, "two"))
	for _, name := range []string{"one", "two"} {
		eventually(t, 60*time.Second, func() error {
			d, err := c.Client().AppsV1().Deployments(ns).Get(ctx, name, metav1.GetOptions{})
			if err == nil && d.Status.ReadyReplicas != 2 {
				err = fmt.Errorf("deployment %s has %d of 2 pods ready", name, d.Status.ReadyReplicas)
			}
			return err
		})
	}
	t.Logf("4 pods ready after %s", time.Since(begin).Round(time.Millisecond))

	for _, want := range []struct{ one, two int }{{80, 20}, {50, 50}, {0, 100}} {
		apply(fmt.Sprintf(splitRoute, ns, want.one, want.two))
		// Traefik deals requests out exactly; a round that began with the old
		// weights is repeated.
		eventually(t, 20*time.Second, func() error {
			seen := map[string]int{}
			for range 100 {
				version, err := get(ctx, c.GatewayURL, ns+".example.com")
				if err != nil {
					return err
				}
				seen[version]++
			}
			if seen["one"] != want.one || seen["two"] != want.two {
				return fmt.Errorf("of 100 requests %v, want %d:%d", seen, want.one, want.two)
			}
			return nil
		})
	}

	// The forwarder and DNS: the Service by name, from inside.
	eventually(t, 10*time.Second, func() error {
		version, err := get(ctx, "http://two."+ns, "")
		if err == nil && version != "two" {
			err = fmt.Errorf("service two answers %q", version)
		}
		return err
	})

	eventually(t, 20*time.Second, func() error {
		return seenByPrometheus(ctx, c, fmt.Sprintf(`sum(traefik_service_requests_total{service=~".*%s.*"}) >= 300`, ns))
	})
}

func get(ctx context.Context, url, host string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s for host %q: %s", url, host, resp.Status)
	}
	return string(body), err
}

// seenByPrometheus asks, through the Service, whether a query has a result.
func seenByPrometheus(ctx context.Context, c *Cluster, query string) error {
	text, err := get(ctx, "http://prometheus.monitoring:9090/api/v1/query?query="+url.QueryEscape(query), "")
	if err != nil {
		return err
	}
	var answer struct {
		Data struct{ Result []any }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) == 0 {
		return fmt.Errorf("Prometheus has no result for %s", query)
	}
	return nil
}
