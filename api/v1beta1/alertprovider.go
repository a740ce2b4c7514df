package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AlertProvider is a chat system that alerts are sent to.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=alertproviders,singular=alertprovider,scope=Namespaced,categories=all
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
type AlertProvider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the chat system.
	Spec AlertProviderSpec `json:"spec"`
}

// AlertProviderList is a list of AlertProvider.
//
// +kubebuilder:object:root=true
type AlertProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []AlertProvider `json:"items"`
}

// AlertProviderType is the kind of chat system.
//
// +kubebuilder:validation:Enum=slack;msteams;discord;rocket;gchat
type AlertProviderType string

// The chat systems.
const (
	AlertProviderSlack   AlertProviderType = "slack"
	AlertProviderMSTeams AlertProviderType = "msteams"
	AlertProviderDiscord AlertProviderType = "discord"
	AlertProviderRocket  AlertProviderType = "rocket"
	AlertProviderGChat   AlertProviderType = "gchat"
)

const (
	// DefaultAlertChannel is used when spec.channel is empty.
	DefaultAlertChannel = "general"
	// DefaultAlertUsername is used when spec.username is empty.
	DefaultAlertUsername = "flagger"
)

// AlertProviderSpec is a chat system and how to reach it.
//
// +kubebuilder:validation:XValidation:rule="has(self.address) || has(self.secretRef)",message="set address, or secretRef with the key address in the Secret, or both: the Secret's address wins"
type AlertProviderSpec struct {
	// Type of the chat system.
	Type AlertProviderType `json:"type"`
	// Channel for slack, discord and rocket. Default general.
	// +optional
	Channel string `json:"channel,omitempty"`
	// Username for slack, discord and rocket. Default flagger.
	// +optional
	Username string `json:"username,omitempty"`
	// Address is the URL that alerts are posted to.
	// +optional
	Address string `json:"address,omitempty"`
	// Proxy is the URL of an HTTP proxy.
	// +optional
	Proxy string `json:"proxy,omitempty"`
	// SecretRef names a Secret with the keys address and token (slack only), in the namespace of
	// the provider. What is in the Secret wins over Address.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}
