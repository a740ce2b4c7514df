package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// ErrNoCRDs means that the API server does not know the kind Canary.
var ErrNoCRDs = errors.New("the Canary API (flagger.app/v1beta1) is not installed in this cluster; " +
	"install it with: kubectl canary install")

func (a *Access) configError(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return errors.New("no cluster is configured: set KUBECONFIG, or pass --kubeconfig, --context or --server")
	}
	if clientcmd.IsContextNotFound(err) {
		return fmt.Errorf("the kubeconfig has no context %q; see: kubectl config get-contexts", a.Context())
	}
	where := a.kubeconfig
	if where == "" {
		where = "kubeconfig"
	} else {
		where = "kubeconfig " + where
	}
	// Aggregates print as "[a, b]" with line breaks inside; one line is enough to act on.
	return fmt.Errorf("cannot use the %s: %s", where, strings.Join(strings.Fields(err.Error()), " "))
}

// Explain puts an error of a request into one line that says what was tried, why it failed and
// what to do. Doing names the act, such as `get canary "app"`.
func (a *Access) Explain(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, ErrNoCRDs):
		return err
	case IsNoResource(err):
		return fmt.Errorf("cannot %s: %w", doing, ErrNoCRDs)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("cannot %s: the API server %s does not accept your credentials (context %q): log in again",
			doing, a.Server(), a.Context())
	case apierrors.IsForbidden(err):
		// The server names user, verb, resource and namespace, and an admission policy its reason.
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	if network := networkCause(err); network != "" {
		return fmt.Errorf("cannot %s: the API server %s cannot be reached (%s): is the cluster up, and %q the right context?",
			doing, a.Server(), network, a.Context())
	}
	return fmt.Errorf("cannot %s: %w", doing, err)
}

// IsNoResource tells "there is no such kind" from "there is no such object": both are 404.
func IsNoResource(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Reason != metav1.StatusReasonNotFound {
		return false
	}
	details := status.Status().Details
	if details == nil {
		return true
	}
	for _, cause := range details.Causes {
		// Not a Status object of a registry, but the mux that found no handler for the path.
		if cause.Type == metav1.CauseTypeUnexpectedServerResponse {
			return true
		}
	}
	return false
}

func networkCause(err error) string {
	var urlErr *url.Error
	var opErr *net.OpError
	var dnsErr *net.DNSError
	switch {
	case errors.As(err, &dnsErr):
		return dnsErr.Error()
	case errors.As(err, &opErr):
		return opErr.Err.Error()
	case errors.As(err, &urlErr):
		if urlErr.Timeout() {
			return "no answer in time"
		}
		return urlErr.Err.Error()
	}
	return ""
}
