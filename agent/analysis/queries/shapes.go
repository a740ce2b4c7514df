package queries

// shape is what the metrics of an observer look like. Selectors are templates, without braces;
// {{ workload }} and {{ backend }} are the workload and the Service of the side that is asked for,
// re and str escape a name for its place.
type shape struct {
	// canary and primary select the series of one side; an empty primary means that the metrics
	// cannot tell it.
	canary, primary string
	// total counts all requests; totalOnly is a matcher that only this series needs.
	total, totalOnly string
	// good is the matcher that leaves the errors out.
	good string
	// bucket is the histogram of durations; bucketOnly is a matcher that only it needs.
	bucket, bucketOnly string
	// sum and count give the mean where there is no bucket.
	sum, count string
	// factor is written into the query of the duration, scale is applied to the answer. Both lead
	// to milliseconds; which one it is follows the contract.
	factor string
	scale  float64
}

const (
	// Envoy's series as App Mesh, Contour, Gloo, Kuma and Knative expose them.
	envoyTotal  = "envoy_cluster_upstream_rq"
	envoyBucket = "envoy_cluster_upstream_rq_time_bucket"
	envoyGood   = `envoy_response_code!~"5.*"`

	podSelector = `kubernetes_namespace="{{ str namespace }}",kubernetes_pod_name=~"{{ re workload }}{{ pods }}"`
	// The ids of Skipper's routes: kube or kubeew, namespace, Ingress, host, path, Service and, for
	// several backends, a number.
	skipperRoute = `route=~"kube(ew)?_{{ underscored namespace }}__{{ underscored ingress }}_canary__.*__{{ underscored backend }}(_[0-9]+)?"`
)

// same is a shape whose one selector serves both sides, by {{ workload }} or {{ backend }}.
func same(selector string, s shape) shape {
	s.canary, s.primary = selector, selector
	return s
}

// envoy is a shape of Envoy's metrics.
func envoy(canary, primary string) shape {
	return shape{canary: canary, primary: primary, total: envoyTotal, good: envoyGood, bucket: envoyBucket}
}

var istio = shape{
	total:  "istio_requests_total",
	good:   `response_code!~"5.*"`,
	bucket: "istio_request_duration_milliseconds_bucket",
}

var linkerd = shape{
	total:  "response_total",
	good:   `classification!="failure"`,
	bucket: "response_latency_ms_bucket",
}

var shapes = map[string]shape{
	Istio: same(`reporter="destination",destination_workload_namespace="{{ str namespace }}",destination_workload=~"{{ re workload }}"`, istio),
	// The side that sends knows the Service it was sent to; the one that receives only itself.
	IstioService: same(`reporter="source",destination_service_namespace="{{ str namespace }}",destination_service_name=~"{{ re backend }}"`, istio),

	Linkerd:        same(`namespace="{{ str namespace }}",{{ lower kind }}=~"{{ re workload }}",direction="inbound"`, linkerd),
	LinkerdService: same(`dst_namespace="{{ str namespace }}",dst_service=~"{{ re backend }}",direction="outbound"`, linkerd),

	OSM: same(`destination_namespace="{{ str namespace }}",destination_kind="{{ str kind }}",destination_name="{{ str workload }}"`, shape{
		total:  "osm_request_total",
		good:   `response_code!~"5.*"`,
		bucket: "osm_request_duration_ms_bucket",
	}),

	AppMesh: envoy(podSelector, podSelector),
	Contour: envoy(
		`envoy_cluster_name=~"{{ re namespace }}_{{ re backend }}_[0-9a-zA-Z-]+"`,
		`envoy_cluster_name=~"{{ re namespace }}_{{ re backend }}_[0-9a-zA-Z-]+"`),
	Gloo: envoy(
		`envoy_cluster_name=~"{{ re namespace }}-{{ re service }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+"`,
		`envoy_cluster_name=~"{{ re namespace }}-{{ re service }}-primaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+"`),
	Kuma: envoy(
		`service=~"{{ re backend }}_{{ re namespace }}_svc_[0-9a-zA-Z-]+"`,
		`service=~"{{ re backend }}_{{ re namespace }}_svc_[0-9a-zA-Z-]+"`),
	Knative: envoy(
		`envoy_cluster_name=~"{{ re namespace }}/{{ re route }}"`,
		`envoy_cluster_name=~"{{ re namespace }}/{{ re route }}"`),

	HTTP: same(podSelector, shape{
		total:  "http_request_duration_seconds_count",
		good:   `status!~"5.*"`,
		bucket: "http_request_duration_seconds_bucket",
		scale:  1000,
	}),

	// NGINX counts canary and primary under the Ingress of the user and tells them apart by the
	// label canary, which is empty for the primary.
	NGINX: {
		canary:  `namespace="{{ str namespace }}",ingress="{{ str ingress }}",canary!=""`,
		primary: `namespace="{{ str namespace }}",ingress="{{ str ingress }}",canary=""`,
		total:   "nginx_ingress_controller_requests",
		good:    `status!~"5.*"`,
		sum:     "nginx_ingress_controller_response_duration_seconds_sum",
		count:   "nginx_ingress_controller_response_duration_seconds_count",
		factor:  "1000",
	},

	// Traefik (checked against 3.7) measures at the Services below a weighted TraefikService and
	// names them <namespace>-<service>-<port>, so the apex never shows up itself.
	Traefik: same(`service=~"{{ re (dashed namespace backend) }}-[0-9a-zA-Z-]+@kubernetescrd"`, shape{
		total:     "traefik_service_request_duration_seconds_bucket",
		totalOnly: `le="+Inf"`,
		good:      `code!~"5.."`,
		bucket:    "traefik_service_request_duration_seconds_bucket",
		factor:    "1000",
	}),

	// APISIX counts by route, and one route has both backends: the number is that of canary and
	// primary together, and the primary alone cannot be told.
	Apisix: {
		canary:     `route=~"{{ re namespace }}_{{ re route }}-{{ re service }}-canary_.+"`,
		total:      "apisix_http_status",
		good:       `code!~"5.."`,
		bucket:     "apisix_http_latency_bucket",
		bucketOnly: `type=~"request"`,
	},

	Skipper: same(skipperRoute, shape{
		total:     "skipper_response_duration_seconds_bucket",
		totalOnly: `le="+Inf"`,
		good:      `code!~"5.."`,
		sum:       "skipper_serve_route_duration_seconds_sum",
		count:     "skipper_serve_route_duration_seconds_count",
		factor:    "1000",
	}),
}

const window = "[{{ interval }}]"

// rate is the rate of a series over the interval, all labels summed up. Empty matchers are left out.
func rate(series string, matchers ...string) string {
	return "rate(" + series + braces(matchers...) + window + ")"
}

func braces(matchers ...string) string {
	out := ""
	for _, m := range matchers {
		if m != "" && out != "" {
			out += ","
		}
		out += m
	}
	return "{" + out + "}"
}

func (s shape) successRate(selector string) string {
	good := "sum(" + rate(s.total, selector, s.totalOnly, s.good) + ")"
	all := "sum(" + rate(s.total, selector, s.totalOnly) + ")"
	// Without the fallback a version that has only ever failed has no numerator, hence no data.
	return "(" + good + " or vector(0)) / " + all + " * 100"
}

func (s shape) duration(selector string) string {
	q := "sum(" + rate(s.sum, selector) + ") / sum(" + rate(s.count, selector) + ")"
	if s.bucket != "" {
		q = "histogram_quantile(0.99, sum(" + rate(s.bucket, s.bucketOnly, selector) + ") by (le))"
	}
	if s.factor != "" {
		q += " * " + s.factor
	}
	return q
}

func (s shape) requests(selector string) string {
	return "sum(increase(" + s.total + braces(selector, s.totalOnly) + window + "))"
}
