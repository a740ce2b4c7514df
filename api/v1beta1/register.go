package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of all kinds in this package.
const GroupName = "flagger.app"

// The kinds of this package.
const (
	// CanaryKind is the kind of Canary.
	CanaryKind = "Canary"
	// MetricTemplateKind is the kind of MetricTemplate.
	MetricTemplateKind = "MetricTemplate"
	// AlertProviderKind is the kind of AlertProvider.
	AlertProviderKind = "AlertProvider"
)

var (
	// SchemeGroupVersion is flagger.app/v1beta1.
	SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1beta1"}
	// CanaryResource names the canaries collection, for dynamic clients and informers.
	CanaryResource = SchemeGroupVersion.WithResource("canaries")
	// MetricTemplateResource names the metrictemplates collection.
	MetricTemplateResource = SchemeGroupVersion.WithResource("metrictemplates")
	// AlertProviderResource names the alertproviders collection.
	AlertProviderResource = SchemeGroupVersion.WithResource("alertproviders")

	// SchemeBuilder collects the functions that AddToScheme runs.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme registers the kinds of this package with a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&Canary{}, &CanaryList{},
		&MetricTemplate{}, &MetricTemplateList{},
		&AlertProvider{}, &AlertProviderList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}

// Kind qualifies a kind of this group.
func Kind(kind string) schema.GroupKind {
	return SchemeGroupVersion.WithKind(kind).GroupKind()
}

// Resource qualifies a resource of this group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}
