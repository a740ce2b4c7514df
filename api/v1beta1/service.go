package v1beta1

import (
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CanaryService describes the Services and routes that are generated for a target.
type CanaryService struct {
	// Name of the apex Service, and prefix of the -primary and -canary ones. Default: the name of
	// the target. A change leaves the objects of the old name in place.
	// +optional
	Name string `json:"name,omitempty"`
	// Port of the generated Services.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// PortName of the generated Services. Default http. A name with grpc in it selects that
	// protocol in App Mesh.
	// +optional
	PortName string `json:"portName,omitempty"`
	// TargetPort is the number or name of the container port. Default, and meaning of 0: Port.
	// +optional
	TargetPort intstr.IntOrString `json:"targetPort,omitempty,omitzero"`
	// AppProtocol of the port. The value tcp, in any case, selects TCP routing in Istio.
	// +optional
	AppProtocol string `json:"appProtocol,omitempty"`
	// TrafficDistribution of the generated Services, set when they are created.
	// +optional
	// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
	TrafficDistribution string `json:"trafficDistribution,omitempty"`
	// PortDiscovery adds the other container ports of the target to the generated Services.
	// +optional
	PortDiscovery bool `json:"portDiscovery,omitempty"`
	// Headless creates the generated Services without a cluster IP.
	// +optional
	Headless bool `json:"headless,omitempty"`
	// Timeout of a request, such as 15s. Istio, Contour, App Mesh, Gateway API v1.
	// +optional
	Timeout string `json:"timeout,omitempty"`
	// BackendTimeout of one request to a backend, such as 5s. Gateway API v1.
	// +optional
	BackendTimeout string `json:"backendTimeout,omitempty"`
	// Gateways of the generated VirtualService. Default: mesh. Istio, SMI.
	// +optional
	// +listType=atomic
	Gateways []string `json:"gateways,omitempty"`
	// GatewayRefs are the parents of the generated HTTPRoute. Required by Gateway API.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []ParentReference `json:"gatewayRefs,omitempty"`
	// Hosts of the generated routes. Default: the apex name.
	// +optional
	// +listType=atomic
	Hosts []string `json:"hosts,omitempty"`
	// Delegation generates a VirtualService without hosts and gateways, for others to delegate to.
	// Istio.
	// +optional
	Delegation bool `json:"delegation,omitempty"`
	// TrafficPolicy is copied to the DestinationRules of both sides. Istio.
	// +optional
	TrafficPolicy *TrafficPolicy `json:"trafficPolicy,omitempty"`
	// Match selects the requests that the generated routes apply to. Istio, Gateway API; Contour
	// and App Mesh use only the uri prefix of the first.
	// +optional
	// +listType=atomic
	Match []HTTPMatchRequest `json:"match,omitempty"`
	// Rewrite changes requests before they are forwarded. Istio, Gateway API.
	// +optional
	Rewrite *HTTPRewrite `json:"rewrite,omitempty"`
	// Retries of failed requests. Istio, Contour, App Mesh.
	// +optional
	Retries *HTTPRetry `json:"retries,omitempty"`
	// Headers that are set, added and removed. Istio, Gateway API.
	// +optional
	Headers *Headers `json:"headers,omitempty"`
	// Mirror copies requests to further backends, at all times. Gateway API.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Mirror []HTTPRequestMirror `json:"mirror,omitempty"`
	// CorsPolicy answers cross-origin requests. Istio, Gateway API v1.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`
	// MeshName is the App Mesh mesh.
	// +optional
	MeshName string `json:"meshName,omitempty"`
	// Backends of the App Mesh virtual nodes.
	// +optional
	// +listType=atomic
	Backends []string `json:"backends,omitempty"`
	// Apex metadata goes on the apex Service and on the generated routes.
	// +optional
	Apex *CustomMetadata `json:"apex,omitempty"`
	// Primary metadata goes on the primary Service.
	// +optional
	Primary *CustomMetadata `json:"primary,omitempty"`
	// Canary metadata goes on the canary Service.
	// +optional
	Canary *CustomMetadata `json:"canary,omitempty"`
	// UnmanagedMetadata names keys on the generated Services that are left as they are.
	// +optional
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`
}

// CustomMetadata are labels and annotations of a generated object.
type CustomMetadata struct {
	// Labels of the object.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the object.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// UnmanagedMetadata names label and annotation keys that others write.
type UnmanagedMetadata struct {
	// Annotations that are left as they are.
	// +optional
	// +listType=atomic
	Annotations []string `json:"annotations,omitempty"`
	// Labels that are left as they are.
	// +optional
	// +listType=atomic
	Labels []string `json:"labels,omitempty"`
}

// ParentReference names the Gateway that a route attaches to.
type ParentReference struct {
	// Group of the parent. Default gateway.networking.k8s.io; an empty string is the core group.
	// +optional
	// +kubebuilder:default="gateway.networking.k8s.io"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Group *string `json:"group,omitempty"`
	// Kind of the parent. Default Gateway.
	// +optional
	// +kubebuilder:default=Gateway
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Kind string `json:"kind,omitempty"`
	// Namespace of the parent. Default: the Canary's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`
	// Name of the parent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// SectionName is the listener of the parent. Default: all.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	SectionName string `json:"sectionName,omitempty"`
	// Port of the parent's listener. Default: all.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// HTTPMatchRequest selects requests: all fields that are set must match.
type HTTPMatchRequest struct {
	// Name of the match, for people.
	// +optional
	Name string `json:"name,omitempty"`
	// URI is the path of the request.
	// +optional
	URI *StringMatch `json:"uri,omitempty"`
	// Scheme of the request.
	// +optional
	Scheme *StringMatch `json:"scheme,omitempty"`
	// Method of the request.
	// +optional
	Method *StringMatch `json:"method,omitempty"`
	// Authority is the host of the request.
	// +optional
	Authority *StringMatch `json:"authority,omitempty"`
	// Headers of the request, by lower-case name.
	// +optional
	Headers map[string]StringMatch `json:"headers,omitempty"`
	// WithoutHeaders are headers that must not match.
	// +optional
	WithoutHeaders map[string]StringMatch `json:"withoutHeaders,omitempty"`
	// QueryParams of the request, by name.
	// +optional
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`
	// Port the request was sent to.
	// +optional
	Port int32 `json:"port,omitempty"`
	// SourceLabels are labels of the workload that sends the request. Istio, gateway mesh only.
	// +optional
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`
	// SourceNamespace is the namespace of the workload that sends the request. Istio.
	// +optional
	SourceNamespace string `json:"sourceNamespace,omitempty"`
	// Gateways the match applies to. Istio.
	// +optional
	// +listType=atomic
	Gateways []string `json:"gateways,omitempty"`
	// IgnoreURICase matches URI without regard to case.
	// +optional
	IgnoreURICase bool `json:"ignoreUriCase,omitempty"`
}

// StringMatch matches a string in one of four ways.
//
// +kubebuilder:validation:MaxProperties=1
type StringMatch struct {
	// Exact value.
	// +optional
	Exact string `json:"exact,omitempty"`
	// Prefix of the value.
	// +optional
	Prefix string `json:"prefix,omitempty"`
	// Suffix of the value. Only under analysis.match[].headers.
	// +optional
	Suffix string `json:"suffix,omitempty"`
	// Regex for the whole value, in RE2 syntax.
	// +optional
	Regex string `json:"regex,omitempty"`
}

// HTTPRewrite changes requests before they are forwarded.
type HTTPRewrite struct {
	// URI replaces the path, or its matched prefix.
	// +optional
	URI string `json:"uri,omitempty"`
	// Authority replaces the host.
	// +optional
	Authority string `json:"authority,omitempty"`
	// Type is ReplaceFullPath, the default and the meaning of unknown values, or
	// ReplacePrefixMatch. Gateway API only.
	// +optional
	Type string `json:"type,omitempty"`
}

const (
	// RewriteFullPath replaces the whole path.
	RewriteFullPath = "ReplaceFullPath"
	// RewritePrefixMatch replaces the prefix that matched.
	RewritePrefixMatch = "ReplacePrefixMatch"
)

// HTTPRetry repeats failed requests.
type HTTPRetry struct {
	// Attempts is the number of retries of a request.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// PerTryTimeout of one attempt, such as 1s.
	// +optional
	PerTryTimeout string `json:"perTryTimeout,omitempty"`
	// RetryOn lists the failures to retry, separated by commas.
	// +optional
	RetryOn string `json:"retryOn,omitempty"`
}

// Headers are operations on headers.
type Headers struct {
	// Request headers, before forwarding.
	// +optional
	Request *HeaderOperations `json:"request,omitempty"`
	// Response headers, before answering.
	// +optional
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations set, add and remove headers.
type HeaderOperations struct {
	// Set overwrites.
	// +optional
	Set map[string]string `json:"set,omitempty"`
	// Add appends.
	// +optional
	Add map[string]string `json:"add,omitempty"`
	// Remove deletes.
	// +optional
	// +listType=atomic
	Remove []string `json:"remove,omitempty"`
}

// HTTPRequestMirror copies requests to a backend.
type HTTPRequestMirror struct {
	// BackendRef is where the copies go.
	// +optional
	BackendRef *BackendReference `json:"backendRef,omitempty"`
}

// BackendReference names a backend of a route.
//
// +kubebuilder:validation:XValidation:rule="size(self.group) > 0 || self.kind != 'Service' || has(self.port)",message="port is required for a Service"
type BackendReference struct {
	// Group of the backend. Default: the core group.
	// +optional
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Group string `json:"group,omitempty"`
	// Kind of the backend. Default Service.
	// +optional
	// +kubebuilder:default=Service
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Kind string `json:"kind,omitempty"`
	// Name of the backend.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Namespace of the backend. Default: the Canary's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`
	// Port of the backend. Required for a Service.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// CorsPolicy answers cross-origin requests.
type CorsPolicy struct {
	// AllowOrigin lists origins by their exact value.
	// +optional
	// +listType=atomic
	AllowOrigin []string `json:"allowOrigin,omitempty"`
	// AllowOrigins lists origins by match. Istio only.
	// +optional
	// +listType=atomic
	AllowOrigins []StringMatch `json:"allowOrigins,omitempty"`
	// AllowMethods lists methods.
	// +optional
	// +listType=atomic
	AllowMethods []string `json:"allowMethods,omitempty"`
	// AllowHeaders lists request headers.
	// +optional
	// +listType=atomic
	AllowHeaders []string `json:"allowHeaders,omitempty"`
	// ExposeHeaders lists response headers that scripts may read.
	// +optional
	// +listType=atomic
	ExposeHeaders []string `json:"exposeHeaders,omitempty"`
	// MaxAge is how long an answer may be cached, such as 24h.
	// +optional
	MaxAge string `json:"maxAge,omitempty"`
	// AllowCredentials lets scripts send credentials. Absent and false differ for Istio.
	// +optional
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}
