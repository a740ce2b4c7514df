package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Canary describes how new revisions of one workload are released: which workload, through which
// traffic provider, in which steps, and what must hold for the release to go on.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=canaries,singular=canary,scope=Namespaced,categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Weight",type=string,JSONPath=`.status.canaryWeight`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`,priority=1
// +kubebuilder:printcolumn:name="FailedChecks",type=string,JSONPath=`.status.failedChecks`,priority=1
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.analysis.interval`,priority=1
// +kubebuilder:printcolumn:name="Mirror",type=boolean,JSONPath=`.spec.analysis.mirror`,priority=1
// +kubebuilder:printcolumn:name="StepWeight",type=string,JSONPath=`.spec.analysis.stepWeight`,priority=1
// +kubebuilder:printcolumn:name="StepWeights",type=string,JSONPath=`.spec.analysis.stepWeights`,priority=1
// +kubebuilder:printcolumn:name="MaxWeight",type=string,JSONPath=`.spec.analysis.maxWeight`,priority=1
// +kubebuilder:printcolumn:name="LastTransitionTime",type=string,JSONPath=`.status.lastTransitionTime`
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec CanarySpec `json:"spec"`
	// Status is what the controller last decided.
	// +optional
	Status CanaryStatus `json:"status,omitzero"`
}

// CanaryList is a list of Canary.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Canary `json:"items"`
}

// CanarySpec is what the user wants.
//
// +kubebuilder:validation:XValidation:rule="has(self.analysis) || has(self.canaryAnalysis)",message="analysis is required: set at least interval, threshold and one of iterations, stepWeight, stepWeights, steps",fieldPath=".analysis",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="has(self.service) || (self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')",message="service is required unless the target is a Knative Service: set at least service.port",fieldPath=".service",reason=FieldValueRequired
// +kubebuilder:validation:XValidation:rule="!has(self.autoscalerRef) || !(self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')",message="autoscalerRef cannot be used with a Knative Service, which scales itself: remove it",fieldPath=".autoscalerRef"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || self.provider == 'knative' || !(self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')",message="a Knative Service can only be the target with provider knative",fieldPath=".provider"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || self.provider != 'knative' || (self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')",message="provider knative needs a target of kind Service and apiVersion serving.knative.dev/v1",fieldPath=".provider"
// +kubebuilder:validation:XValidation:rule="!has(self.analysis) || !has(self.analysis.stepWeight) || self.analysis.stepWeight > 0 || (has(self.provider) && self.provider == 'kubernetes') || (has(self.skipAnalysis) && self.skipAnalysis)",message="analysis.stepWeight: 0 would never advance: set 1 to 100, or use stepWeights, or iterations for Blue/Green and A/B",fieldPath=".analysis.stepWeight"
// +kubebuilder:validation:XValidation:rule="!has(self.analysis) || !has(self.analysis.iterations) || self.analysis.iterations > 0 || (has(self.provider) && self.provider == 'kubernetes') || (has(self.skipAnalysis) && self.skipAnalysis)",message="analysis.iterations: 0 would never advance: set 1 or more, or use stepWeight or stepWeights",fieldPath=".analysis.iterations"
type CanarySpec struct {
	// Provider is the traffic provider. Default: the one the agent was started with.
	// +optional
	// +kubebuilder:validation:Enum=apisix;appmesh;"appmesh:v1beta2";contour;"gatewayapi:v1";"gatewayapi:v1beta1";gloo;istio;knative;kubernetes;kuma;linkerd;nginx;osm;skipper;"smi:v1alpha1";"smi:v1alpha2";"smi:v1alpha3";traefik
	Provider string `json:"provider,omitempty"`
	// MetricsServer is the URL of the Prometheus that answers the builtin checks and the inline
	// queries of this canary. Default: the one the agent was started with.
	// +optional
	MetricsServer string `json:"metricsServer,omitempty"`
	// TargetRef names the workload whose revisions are released.
	TargetRef TargetReference `json:"targetRef"`
	// AutoscalerRef names the autoscaler of the target; the primary gets a copy. Deployments only.
	// +optional
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`
	// IngressRef names the Ingress of the target. Required by the providers nginx and skipper.
	// +optional
	IngressRef *IngressReference `json:"ingressRef,omitempty"`
	// RouteRef names the route of the target. Required by the provider apisix.
	// +optional
	RouteRef *RouteReference `json:"routeRef,omitempty"`
	// UpstreamRef names an Upstream whose settings the generated ones copy. Provider gloo only.
	// +optional
	UpstreamRef *UpstreamReference `json:"upstreamRef,omitempty"`
	// Service describes the Services and routes that are generated. Required, except for a
	// Knative Service as target.
	// +optional
	Service CanaryService `json:"service,omitempty,omitzero"`
	// Analysis describes the steps of a run and what is checked during it. Required.
	// +optional
	Analysis *CanaryAnalysis `json:"analysis,omitempty"`
	// CanaryAnalysis is the deprecated name of Analysis, read only when that is absent. Its
	// content is checked when the agent reads it, not at admission.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	CanaryAnalysis *CanaryAnalysis `json:"canaryAnalysis,omitempty"`
	// ProgressDeadlineSeconds is how long, in seconds, a workload may make no progress towards
	// readiness before the run is rolled back. Default 600.
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
	// SkipAnalysis promotes new revisions without steps and checks.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
	// RevertOnDeletion restores the target, its replicas and its Service when the Canary is
	// deleted, by way of a finalizer.
	// +optional
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`
	// Suspend stops all reconciliation of this canary while true.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// TargetReference names the workload whose revisions are released, in the Canary's namespace.
type TargetReference struct {
	// APIVersion of the workload, such as apps/v1.
	APIVersion string `json:"apiVersion"`
	// Kind of the workload: Deployment, DaemonSet, or Service (core/v1 or Knative).
	// +kubebuilder:validation:Enum=DaemonSet;Deployment;Service
	Kind string `json:"kind"`
	// Name of the workload.
	Name string `json:"name"`
}

// The kinds a target can have.
const (
	// TargetDeployment is an apps/v1 Deployment.
	TargetDeployment = "Deployment"
	// TargetDaemonSet is an apps/v1 DaemonSet.
	TargetDaemonSet = "DaemonSet"
	// TargetService is a v1 Service, or a Knative Service by its apiVersion.
	TargetService = "Service"
	// KnativeServiceAPIVersion is the apiVersion that makes a target of kind Service a Knative one.
	KnativeServiceAPIVersion = "serving.knative.dev/v1"
	// KnativeRevisionPrefix stands before the name of a Knative Revision where a status names it as
	// the revision of a target.
	KnativeRevisionPrefix = "kn:"
)

// AutoscalerReference names the autoscaler of the target, in the Canary's namespace.
type AutoscalerReference struct {
	// APIVersion of the autoscaler. Any version of the autoscaling group means the one that the
	// cluster serves, so autoscaling/v2beta2 keeps working.
	APIVersion string `json:"apiVersion"`
	// Kind is HorizontalPodAutoscaler, or ScaledObject of KEDA.
	// +kubebuilder:validation:Enum=HorizontalPodAutoscaler;ScaledObject
	Kind string `json:"kind"`
	// Name of the autoscaler.
	Name string `json:"name"`
	// PrimaryScalerQueries replaces queries in the primary's ScaledObject: trigger name to query.
	// +optional
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`
	// PrimaryScalerReplicas overrides the replica limits of the primary's autoscaler.
	// +optional
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// The kinds an autoscaler can have.
const (
	// AutoscalerHPA is a HorizontalPodAutoscaler.
	AutoscalerHPA = "HorizontalPodAutoscaler"
	// AutoscalerScaledObject is a ScaledObject of KEDA.
	AutoscalerScaledObject = "ScaledObject"
)

// ScalerReplicas are replica limits. An absent one is copied from the target's autoscaler.
type ScalerReplicas struct {
	// MinReplicas of the primary, at least 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// MaxReplicas of the primary, at least 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}

// IngressReference names an Ingress in the Canary's namespace.
type IngressReference struct {
	// APIVersion is not interpreted: networking.k8s.io/v1 is used.
	APIVersion string `json:"apiVersion"`
	// Kind is Ingress.
	// +kubebuilder:validation:Enum=Ingress
	Kind string `json:"kind"`
	// Name of the Ingress.
	Name string `json:"name"`
}

// RouteReference names a route object in the Canary's namespace.
type RouteReference struct {
	// APIVersion of the route.
	APIVersion string `json:"apiVersion"`
	// Kind is ApisixRoute.
	// +kubebuilder:validation:Enum=ApisixRoute
	Kind string `json:"kind"`
	// Name of the route.
	Name string `json:"name"`
}

// UpstreamReference names a Gloo Upstream.
type UpstreamReference struct {
	// APIVersion of the Upstream.
	APIVersion string `json:"apiVersion"`
	// Kind is Upstream.
	// +kubebuilder:validation:Enum=Upstream
	Kind string `json:"kind"`
	// Name of the Upstream.
	Name string `json:"name"`
	// Namespace of the Upstream. Default: the Canary's.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// The traffic providers that spec.provider can name.
const (
	ProviderApisix            = "apisix"
	ProviderAppMesh           = "appmesh"
	ProviderAppMeshV1Beta2    = "appmesh:v1beta2"
	ProviderContour           = "contour"
	ProviderGatewayAPIV1      = "gatewayapi:v1"
	ProviderGatewayAPIV1Beta1 = "gatewayapi:v1beta1"
	ProviderGloo              = "gloo"
	ProviderIstio             = "istio"
	ProviderKnative           = "knative"
	// ProviderKubernetes has no weights: Services only, Blue/Green.
	ProviderKubernetes  = "kubernetes"
	ProviderKuma        = "kuma"
	ProviderLinkerd     = "linkerd"
	ProviderNGINX       = "nginx"
	ProviderOSM         = "osm"
	ProviderSkipper     = "skipper"
	ProviderSMIV1Alpha1 = "smi:v1alpha1"
	ProviderSMIV1Alpha2 = "smi:v1alpha2"
	ProviderSMIV1Alpha3 = "smi:v1alpha3"
	ProviderTraefik     = "traefik"
)

// Metadata keys of the contract that are read or written outside of Canary objects.
const (
	// Finalizer is on every Canary with revertOnDeletion.
	Finalizer = "finalizer.flagger.app"
	// ConfigTrackingAnnotation with a value that begins with "disable" keeps a ConfigMap or Secret
	// from being tracked and copied.
	ConfigTrackingAnnotation = "flagger.app/config-tracking"
	// ScaleToZeroSelector is the node selector that keeps the pods of an idle DaemonSet away.
	ScaleToZeroSelector = "flagger.app/scale-to-zero"
)

// GitOpsOff returns the annotations that keep Flux from undoing what the agent writes. They are on
// all generated Services and routing objects.
func GitOpsOff() map[string]string {
	return map[string]string{
		"kustomize.toolkit.fluxcd.io/reconcile": "disabled",
		"helm.toolkit.fluxcd.io/driftDetection": "disabled",
	}
}
