package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricTemplate is a query that several canaries share, and where to send it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=metrictemplates,singular=metrictemplate,scope=Namespaced,categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.provider.type`
type MetricTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the query and where to send it.
	Spec MetricTemplateSpec `json:"spec"`
}

// MetricTemplateList is a list of MetricTemplate.
//
// +kubebuilder:object:root=true
type MetricTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []MetricTemplate `json:"items"`
}

// MetricTemplateSpec is a query and where to send it.
type MetricTemplateSpec struct {
	// Provider answers the query.
	Provider MetricTemplateProvider `json:"provider"`
	// Query in the language of the provider, a Go text/template.
	Query string `json:"query"`
}

// MetricProviderType is the kind of system that answers a query.
//
// +kubebuilder:validation:Enum=prometheus;influxdb;datadog;externalmetrics;stackdriver;cloudwatch;newrelic;graphite;dynatrace;keptn;splunk
type MetricProviderType string

// The systems that answer queries.
const (
	MetricProviderPrometheus      MetricProviderType = "prometheus"
	MetricProviderInfluxDB        MetricProviderType = "influxdb"
	MetricProviderDatadog         MetricProviderType = "datadog"
	MetricProviderExternalMetrics MetricProviderType = "externalmetrics"
	MetricProviderStackdriver     MetricProviderType = "stackdriver"
	MetricProviderCloudWatch      MetricProviderType = "cloudwatch"
	MetricProviderNewRelic        MetricProviderType = "newrelic"
	MetricProviderGraphite        MetricProviderType = "graphite"
	MetricProviderDynatrace       MetricProviderType = "dynatrace"
	MetricProviderKeptn           MetricProviderType = "keptn"
	MetricProviderSplunk          MetricProviderType = "splunk"
)

// MetricTemplateProvider is where a query is sent.
type MetricTemplateProvider struct {
	// Type of the provider.
	Type MetricProviderType `json:"type"`
	// Address is the base URL. Required by prometheus, influxdb, graphite, dynatrace and splunk.
	// +optional
	Address string `json:"address,omitempty"`
	// Headers are sent with every request. Prometheus only.
	// +optional
	Headers map[string][]string `json:"headers,omitempty"`
	// SecretRef names a Secret with credentials, in the namespace of the template.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// Region of the provider. Required by cloudwatch.
	// +optional
	Region string `json:"region,omitempty"`
	// InsecureSkipVerify skips the verification of the server's certificate. Prometheus, graphite
	// and externalmetrics.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// SecretReference names a Secret in the namespace of the object that refers to it.
type SecretReference struct {
	// Name of the Secret.
	Name string `json:"name"`
}
