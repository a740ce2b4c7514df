package alert

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The keys of an alert provider's Secret.
const (
	addressKey = "address"
	tokenKey   = "token"
)

// Objects reads what an alert refers to. What it returns is not changed.
type Objects interface {
	// GetAlertProvider returns an AlertProvider.
	GetAlertProvider(ctx context.Context, namespace, name string) (*v1beta1.AlertProvider, error)
	// GetSecret returns a Secret.
	GetSecret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
}

// receiver is somebody who gets alerts.
type receiver struct {
	// name in words, for errors.
	name    string
	resolve func(context.Context) (Destination, error)
}

// receivers of an alert of a severity.
func (s *Sender) receivers(c *v1beta1.Canary, severity v1beta1.AlertSeverity) []receiver {
	alerts := c.GetAnalysis().Alerts
	if len(alerts) == 0 {
		if s.Global == nil {
			return nil
		}
		return []receiver{{
			name:    fmt.Sprintf("the %s of the agent's flags", s.Global.Type),
			resolve: func(context.Context) (Destination, error) { return *s.Global, nil },
		}}
	}
	var out []receiver
	listed := map[v1beta1.NamespacedReference]bool{}
	for _, entry := range alerts {
		ref := entry.ProviderRef
		ref.Namespace = c.NamespaceOf(ref)
		// Two entries for one provider are one wish with two severities, not two messages.
		if !Reaches(severity, entry.Severity) || listed[ref] {
			continue
		}
		listed[ref] = true
		out = append(out, receiver{
			name: fmt.Sprintf("alert provider %s.%s", ref.Name, ref.Namespace),
			resolve: func(ctx context.Context) (Destination, error) {
				return s.lookup(ctx, c.Namespace, ref)
			},
		})
	}
	return out
}

// lookup reads an AlertProvider and its Secret.
func (s *Sender) lookup(ctx context.Context, namespace string, ref v1beta1.NamespacedReference) (to Destination, err error) {
	if s.NoCrossNamespaceRefs && ref.Namespace != namespace {
		return to, fmt.Errorf("can't access alert provider %s.%s, cross-namespace references are blocked: copy the provider to namespace %s",
			ref.Name, ref.Namespace, namespace)
	}
	provider, err := s.Objects.GetAlertProvider(ctx, ref.Namespace, ref.Name)
	if err != nil {
		return to, fmt.Errorf("read it: %w; create it or correct spec.analysis.alerts of the canary", err)
	}
	spec := provider.Spec
	to = Destination{
		Type:     spec.Type,
		Address:  strings.TrimSpace(spec.Address),
		Channel:  spec.ChannelOrDefault(),
		Username: spec.UsernameOrDefault(),
		Proxy:    strings.TrimSpace(spec.Proxy),
	}
	if spec.SecretRef == nil {
		if to.Address == "" {
			return to, fmt.Errorf("there is no address: set spec.address, or spec.secretRef with the key %s in the Secret", addressKey)
		}
		return to, nil
	}
	secret, err := s.Objects.GetSecret(ctx, ref.Namespace, spec.SecretRef.Name)
	if err != nil {
		return to, fmt.Errorf("read its secret %s: %w; create it in namespace %s or correct spec.secretRef", spec.SecretRef.Name, err, ref.Namespace)
	}
	// Whoever may write an AlertProvider but read no Secrets would otherwise have the agent send
	// the token of a service account to an address of their choice.
	if secret.Type == corev1.SecretTypeServiceAccountToken {
		return to, fmt.Errorf("its secret %s is the token of a service account, which is sent nowhere: make a Secret with the keys %s and %s",
			spec.SecretRef.Name, addressKey, tokenKey)
	}
	// Editors leave a line break at the end.
	if address := strings.TrimSpace(string(secret.Data[addressKey])); address != "" {
		to.Address = address
	}
	if to.Address == "" {
		return to, fmt.Errorf("its secret %s has no key %s, and it has no spec.address: set one of them", spec.SecretRef.Name, addressKey)
	}
	if to.Type == v1beta1.AlertProviderSlack {
		to.Token = strings.TrimSpace(string(secret.Data[tokenKey]))
	}
	return to, nil
}
