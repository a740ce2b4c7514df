package queries_test

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func ExampleObserver() {
	var c v1beta1.Canary
	c.Namespace, c.Spec.TargetRef.Name, c.Spec.TargetRef.Kind = "prod", "app", "Deployment"
	c.Spec.Provider = "traefik"

	observer, err := queries.Observer("istio", &c)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := queries.Lookup(observer, v1beta1.MetricDuration)
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := b.Render(&c, v1beta1.CanaryMetric{Interval: "30s"}, queries.Canary, queries.Revisions{})
	fmt.Println(q, err)
	// Output:
	// histogram_quantile(0.99, sum(rate(traefik_service_request_duration_seconds_bucket{service=~"prod-app-canary-[0-9a-zA-Z-]+@kubernetescrd"}[30s])) by (le)) * 1000 <nil>
}

func ExampleRender() {
	q, err := queries.Render(`sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))`,
		queries.Values{Target: "app", Interval: "1m"})
	fmt.Println(q, err)
	// Output:
	// sum(rate(errors_total{app="app"}[1m])) <nil>
}
