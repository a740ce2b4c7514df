package list_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/list"
)

type object = map[string]any

// finished is a canary as it is after a run of ten steps, with all that the API server keeps beside it.
func finished(name string) object {
	var steps, samples []any
	for i := range 10 {
		at := time.Date(2026, 8, 1, 12, i, 0, 0, time.UTC).Format(time.RFC3339)
		steps = append(steps, object{"weight": 5 * (i + 1), "state": "Passed", "startTime": at, "endTime": at})
		samples = append(samples, object{"time": at, "value": "99.95", "weight": 5 * (i + 1), "verdict": "Pass"})
	}
	at := "2026-08-01T12:10:00Z"
	owned := object{}
	for i := range 40 {
		owned[fmt.Sprintf("f:field-%d", i)] = object{".": object{}, "f:inner": object{}}
	}
	return object{
		"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
		"metadata": object{
			"name": name, "namespace": "test", "uid": "0d4e3c5e-0000-4000-8000-000000000000", "resourceVersion": "4711",
			"generation": 1, "creationTimestamp": "2026-08-01T11:00:00Z", "labels": object{"team": "shop"},
			"managedFields": []any{
				object{"manager": "kubectl", "operation": "Update", "apiVersion": "flagger.app/v1beta1", "fieldsType": "FieldsV1", "fieldsV1": owned},
				object{"manager": "canary-agent", "operation": "Apply", "apiVersion": "flagger.app/v1beta1", "fieldsType": "FieldsV1", "fieldsV1": owned},
			},
		},
		"spec": object{
			"provider": "traefik", "targetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
			"service": object{"port": 80},
			"analysis": object{
				"interval": "30s", "threshold": 5, "stepWeight": 5, "maxWeight": 50,
				"metrics": []any{
					object{"name": "request-success-rate", "interval": "1m", "thresholdRange": object{"min": 99}},
					object{"name": "request-duration", "interval": "1m", "thresholdRange": object{"max": 500}},
				},
			},
		},
		"status": object{
			"phase": "Succeeded", "canaryWeight": 0, "failedChecks": 0, "iterations": 0,
			"lastAppliedSpec": "rs:7c548cbb77", "lastPromotedSpec": "rs:7c548cbb77", "lastTransitionTime": at,
			"observedGeneration": 1, "message": "revision rs:7c548cbb77 is the primary's",
			"run": object{
				"id": "run-1", "revision": "rs:7c548cbb77", "startTime": at, "endTime": at, "outcome": "Promoted",
				"phaseStartTime": at, "step": 10, "checks": 10, "weight": 50,
			},
			"steps": steps,
			"measurements": []any{
				object{"metric": "request-success-rate", "unit": "percent", "min": "99", "samples": samples},
				object{"metric": "request-duration", "unit": "milliseconds", "max": "500", "samples": samples},
			},
			"conditions": []any{object{"type": "Promoted", "status": "True", "reason": "Succeeded", "lastTransitionTime": at}},
		},
	}
}

// serve answers every request with a list of n canaries, compressed as the API server does.
func serve(b *testing.B, n int) *cluster.Access {
	b.Helper()
	items := make([]object, n)
	for i := range items {
		items[i] = finished(fmt.Sprintf("app-%03d", i))
	}
	text, err := json.Marshal(object{"apiVersion": "flagger.app/v1beta1", "kind": "CanaryList", "metadata": object{"resourceVersion": "1"}, "items": items})
	if err != nil {
		b.Fatal(err)
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	_, _ = z.Write(text)
	_ = z.Close()
	b.Logf("%d bytes, %d compressed", len(text), packed.Len())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		_, _ = w.Write(text)
	}))
	b.Cleanup(server.Close)
	config := filepath.Join(b.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: ada, namespace: test}}]
clusters: [{name: here, cluster: {server: %q}}]
users: [{name: ada, user: {token: secret}}]
`, server.URL), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Setenv("KUBECONFIG", config)
	return &cluster.Access{}
}

// BenchmarkList is the whole command but for the start of the process and the work of the server.
func BenchmarkList(b *testing.B) {
	access := serve(b, 300)
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		deps := cli.Deps{
			Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: io.Discard},
			Cluster: access, Now: time.Now,
		}
		cmd := list.NewListCmd(deps, nil)
		cmd.SetArgs(nil)
		if err := cmd.ExecuteContext(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 301 {
		b.Fatalf("%d lines, want 301", lines)
	}
	b.ReportAllocs()
}
