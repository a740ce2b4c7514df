package v1beta1

// TrafficPolicy is the part of Istio's DestinationRule that is copied to both sides. Durations are
// strings such as 30s.
type TrafficPolicy struct {
	// LoadBalancer is the algorithm.
	// +optional
	LoadBalancer *LoadBalancerSettings `json:"loadBalancer,omitempty"`
	// ConnectionPool limits connections and requests.
	// +optional
	ConnectionPool *ConnectionPoolSettings `json:"connectionPool,omitempty"`
	// OutlierDetection takes failing pods out of the pool.
	// +optional
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`
	// TLS of connections to the pods.
	// +optional
	TLS *ClientTLSSettings `json:"tls,omitempty"`
	// PortLevelSettings replace the others for one port each. Extension: Flagger's schema drops them.
	// +optional
	// +listType=atomic
	PortLevelSettings []PortTrafficPolicy `json:"portLevelSettings,omitempty"`
}

// PortTrafficPolicy replaces the policy for one port.
type PortTrafficPolicy struct {
	// Port the policy is for.
	// +optional
	Port *PortSelector `json:"port,omitempty"`
	// LoadBalancer is the algorithm.
	// +optional
	LoadBalancer *LoadBalancerSettings `json:"loadBalancer,omitempty"`
	// ConnectionPool limits connections and requests.
	// +optional
	ConnectionPool *ConnectionPoolSettings `json:"connectionPool,omitempty"`
	// OutlierDetection takes failing pods out of the pool.
	// +optional
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`
	// TLS of connections to the pods.
	// +optional
	TLS *ClientTLSSettings `json:"tls,omitempty"`
}

// PortSelector names a port by its number.
type PortSelector struct {
	// Number of the port.
	// +optional
	Number int32 `json:"number,omitempty"`
}

// LoadBalancerSettings is either a simple algorithm or a consistent hash.
type LoadBalancerSettings struct {
	// Simple is a stateless algorithm.
	// +optional
	// +kubebuilder:validation:Enum=ROUND_ROBIN;LEAST_CONN;RANDOM;PASSTHROUGH;LEAST_REQUEST
	Simple string `json:"simple,omitempty"`
	// ConsistentHash sends like requests to the same pod.
	// +optional
	ConsistentHash *ConsistentHash `json:"consistentHash,omitempty"`
	// LocalityLbSetting prefers some places to others.
	// +optional
	LocalityLbSetting *LocalityLbSetting `json:"localityLbSetting,omitempty"`
	// WarmupDurationSecs is how long a new pod gets less than its share, such as 100s.
	// +optional
	WarmupDurationSecs string `json:"warmupDurationSecs,omitempty"`
}

// ConsistentHash says what the hash is made of: one of the first four fields.
type ConsistentHash struct {
	// HTTPHeaderName hashes a header.
	// +optional
	HTTPHeaderName string `json:"httpHeaderName,omitempty"`
	// HTTPCookie hashes a cookie.
	// +optional
	HTTPCookie *HTTPCookie `json:"httpCookie,omitempty"`
	// UseSourceIP hashes the address of the client.
	// +optional
	UseSourceIP bool `json:"useSourceIp,omitempty"`
	// HTTPQueryParameterName hashes a query parameter.
	// +optional
	HTTPQueryParameterName string `json:"httpQueryParameterName,omitempty"`
	// MinimumRingSize of the hash ring.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinimumRingSize int64 `json:"minimumRingSize,omitempty"`
}

// HTTPCookie is a cookie that is set where it is missing.
type HTTPCookie struct {
	// Name of the cookie.
	// +optional
	Name string `json:"name,omitempty"`
	// Path of the cookie.
	// +optional
	Path string `json:"path,omitempty"`
	// TTL of the cookie, such as 0s for a session cookie.
	// +optional
	TTL string `json:"ttl,omitempty"`
}

// LocalityLbSetting prefers some places to others.
type LocalityLbSetting struct {
	// Enabled overrides the setting of the mesh. Absent and false differ.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// Distribute gives the shares of traffic from one place to others.
	// +optional
	// +listType=atomic
	Distribute []LocalityDistribute `json:"distribute,omitempty"`
	// Failover gives the region to use instead of a failing one.
	// +optional
	// +listType=atomic
	Failover []LocalityFailover `json:"failover,omitempty"`
	// FailoverPriority lists labels by which pods are preferred. Extension: Flagger's schema
	// drops it.
	// +optional
	// +listType=atomic
	FailoverPriority []string `json:"failoverPriority,omitempty"`
}

// LocalityDistribute gives the shares of traffic from one place.
type LocalityDistribute struct {
	// From is the place, as region/zone/subzone.
	// +optional
	From string `json:"from,omitempty"`
	// To maps places to percent.
	// +optional
	To map[string]int32 `json:"to,omitempty"`
}

// LocalityFailover gives the region to use instead of another.
type LocalityFailover struct {
	// From is the failing region.
	// +optional
	From string `json:"from,omitempty"`
	// To is the region to use.
	// +optional
	To string `json:"to,omitempty"`
}

// ConnectionPoolSettings limit connections and requests.
type ConnectionPoolSettings struct {
	// TCP limits. Extension: Flagger's schema drops them.
	// +optional
	TCP *TCPSettings `json:"tcp,omitempty"`
	// HTTP limits.
	// +optional
	HTTP *HTTPSettings `json:"http,omitempty"`
}

// TCPSettings limit connections.
type TCPSettings struct {
	// MaxConnections to a pod.
	// +optional
	MaxConnections int32 `json:"maxConnections,omitempty"`
	// ConnectTimeout, such as 10s.
	// +optional
	ConnectTimeout string `json:"connectTimeout,omitempty"`
}

// HTTPSettings limit requests.
type HTTPSettings struct {
	// HTTP1MaxPendingRequests to a side.
	// +optional
	HTTP1MaxPendingRequests int32 `json:"http1MaxPendingRequests,omitempty"`
	// HTTP2MaxRequests to a side.
	// +optional
	HTTP2MaxRequests int32 `json:"http2MaxRequests,omitempty"`
	// MaxRequestsPerConnection before it is closed.
	// +optional
	MaxRequestsPerConnection int32 `json:"maxRequestsPerConnection,omitempty"`
	// MaxRetries outstanding at one time.
	// +optional
	MaxRetries int32 `json:"maxRetries,omitempty"`
	// IdleTimeout of a connection, such as 1h.
	// +optional
	IdleTimeout string `json:"idleTimeout,omitempty"`
	// H2UpgradePolicy says whether HTTP/1.1 becomes HTTP/2.
	// +optional
	// +kubebuilder:validation:Enum=DEFAULT;DO_NOT_UPGRADE;UPGRADE
	H2UpgradePolicy string `json:"h2UpgradePolicy,omitempty"`
}

// OutlierDetection takes failing pods out of the pool. Istio tells an absent count from 0.
type OutlierDetection struct {
	// ConsecutiveErrors is deprecated in Istio.
	// +optional
	ConsecutiveErrors *int32 `json:"consecutiveErrors,omitempty"`
	// ConsecutiveGatewayErrors before a pod is taken out.
	// +optional
	ConsecutiveGatewayErrors *int32 `json:"consecutiveGatewayErrors,omitempty"`
	// Consecutive5xxErrors before a pod is taken out.
	// +optional
	Consecutive5xxErrors *int32 `json:"consecutive5xxErrors,omitempty"`
	// SplitExternalLocalOriginErrors counts failures to connect apart from answers.
	// +optional
	SplitExternalLocalOriginErrors bool `json:"splitExternalLocalOriginErrors,omitempty"`
	// ConsecutiveLocalOriginFailures before a pod is taken out, when they are counted apart.
	// +optional
	ConsecutiveLocalOriginFailures *int32 `json:"consecutiveLocalOriginFailures,omitempty"`
	// Interval between sweeps, such as 10s.
	// +optional
	Interval string `json:"interval,omitempty"`
	// BaseEjectionTime of a pod, such as 30s.
	// +optional
	BaseEjectionTime string `json:"baseEjectionTime,omitempty"`
	// MaxEjectionPercent of the pods.
	// +optional
	MaxEjectionPercent *int32 `json:"maxEjectionPercent,omitempty"`
	// MinHealthPercent of the pods, below which detection is off.
	// +optional
	MinHealthPercent *int32 `json:"minHealthPercent,omitempty"`
}

// ClientTLSSettings of connections to the pods.
type ClientTLSSettings struct {
	// Mode of TLS.
	// +optional
	// +kubebuilder:validation:Enum=DISABLE;SIMPLE;MUTUAL;ISTIO_MUTUAL
	Mode string `json:"mode,omitempty"`
	// ClientCertificate is a path in the proxy. Required by MUTUAL.
	// +optional
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// PrivateKey is a path in the proxy. Required by MUTUAL.
	// +optional
	PrivateKey string `json:"privateKey,omitempty"`
	// CaCertificates is a path in the proxy.
	// +optional
	CaCertificates string `json:"caCertificates,omitempty"`
	// SubjectAltNames that are accepted.
	// +optional
	// +listType=atomic
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// SNI to send.
	// +optional
	SNI string `json:"sni,omitempty"`
}
