//go:build linux

package testbed

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const prometheusPort = "9090"

// prometheusConfig scrapes pods by annotation and sets the labels that Flagger's
// bundled Prometheus sets, because queries of canaries in the wild rely on them.
const prometheusConfig = `
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
scrape_configs:
- job_name: traefik
  static_configs:
  - targets: ['%[1]s']
- job_name: kubernetes-pods
  kubernetes_sd_configs:
  - role: pod
    api_server: %[2]s
    tls_config: {ca_file: %[3]s}
    authorization: {credentials_file: %[4]s}
  relabel_configs:
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
    action: keep
    regex: 'true'
  - source_labels: [__meta_kubernetes_pod_phase]
    action: drop
    regex: Pending|Succeeded|Failed|Completed
  # Discovery yields one target per declared port; the annotation picks one.
  - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
    regex: ([^:]+)(?::\d+)?;(\d+)
    target_label: __address__
    replacement: $1:$2
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
    regex: (.+)
    target_label: __metrics_path__
  - regex: __meta_kubernetes_pod_label_(.+)
    action: labelmap
  - source_labels: [__meta_kubernetes_namespace]
    target_label: kubernetes_namespace
  - source_labels: [__meta_kubernetes_pod_name]
    target_label: kubernetes_pod_name
`

// prometheusSpec writes the configuration and describes the process.
func prometheusSpec(set binaries.Set, c *credentials, dir string) (supervise.Spec, error) {
	dir = filepath.Join(dir, "prometheus")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return supervise.Spec{}, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(prometheusConfig, gatewayAddr.String()+":"+traefikMetricsPort, apiServerURL, c.file(fileCA), c.file(fileProxyToken))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return supervise.Spec{}, err
	}
	listen := prometheusAddr.String() + ":" + prometheusPort
	return supervise.Spec{
		Name: binaries.Prometheus,
		Path: set.Path(binaries.Prometheus),
		Args: []string{
			"--config.file=" + config,
			"--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--storage.tsdb.retention.time=6h",
			"--web.listen-address=" + listen,
			"--web.enable-lifecycle",
			"--log.level=warn",
		},
		Env:   notInCluster,
		Ready: httpOK("http://" + listen + "/-/ready"),
	}, nil
}
