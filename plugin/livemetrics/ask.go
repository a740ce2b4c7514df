package livemetrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// newClient makes a client for requests whose answers come from servers that anybody may have named
// in a manifest: it follows no redirect, which would carry the user's token along, and reads no more
// than an answer can have.
func newClient(config *rest.Config) (rest.Interface, error) {
	config = dynamic.ConfigFor(config)
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cannot use the kubeconfig: %w", err)
	}
	own := *shared
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Transport = bounded{own.Transport}
	client, err := rest.UnversionedRESTClientForConfigAndClient(config, &own)
	if err != nil {
		return nil, fmt.Errorf("cannot use the kubeconfig: %w", err)
	}
	return client, nil
}

// bounded cuts answers off.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	next := b.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, queries.MaxAnswer+1), resp.Body}
	return resp, nil
}

// refusedError says that the API server does not let the user ask a server.
type refusedError struct{ server server }

func (e *refusedError) Error() string {
	return fmt.Sprintf("you may not use services/proxy in namespace %s; a Role there with get on services/proxy of %q gives it",
		e.server.namespace, e.server.resource())
}

// ask asks one server one question. It fails with queries.ErrNoValues when there is no data, and with
// a *refusedError when the user may not ask.
func (m *Meter) ask(ctx context.Context, s server, query string) (float64, error) {
	if ctx.Err() != nil {
		return 0, errors.New("the queries before took all the time")
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request := m.proxied.Get().AbsPath(s.query).MaxRetries(0)
	for name, values := range s.params {
		for _, value := range values {
			if name != "query" {
				request.Param(name, value)
			}
		}
	}
	result := request.Param("query", query).Do(asking)
	err := result.Error()
	raw, _ := result.Raw()
	cause, answered := apierrors.StatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
	switch {
	case err == nil && len(raw) > queries.MaxAnswer:
		return 0, fmt.Errorf("%s answered with more than %d bytes: the query must return one value, wrap it in sum()", s, queries.MaxAnswer)
	case err == nil:
		return queries.Value(raw, line)
	case asking.Err() != nil:
		return 0, fmt.Errorf("%s did not answer within %s", s, patience)
	case answered && len(raw) == 0:
		return 0, passedOn(s, err, []byte(cause.Message)) // Text, which is kept there.
	case answered:
		// The API server speaks in Status objects; what has another form it has only passed on.
		return 0, passedOn(s, err, raw)
	case apierrors.IsForbidden(err):
		return 0, &refusedError{s}
	case apierrors.IsUnauthorized(err):
		return 0, errors.New("the API server does not accept your credentials")
	case apierrors.IsNotFound(err) && kindIn(err) == "endpoints":
		return 0, fmt.Errorf("%s has no endpoints", s)
	case apierrors.IsNotFound(err):
		return 0, fmt.Errorf("there is no %s", s)
	case apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err):
		return 0, fmt.Errorf("%s cannot be reached: %s", s, line(err.Error()))
	}
	return 0, fmt.Errorf("the API server cannot be asked: %s", line(err.Error()))
}

// kindIn is the resource that an error of the API server is about.
func kindIn(err error) string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Details == nil {
		return ""
	}
	return status.Status().Details.Kind
}

// passedOn is an answer of the metrics server other than 200.
func passedOn(s server, err error, body []byte) error {
	code := 0
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		code = int(status.Status().Code)
	}
	said := queries.ErrorIn(body, line)
	switch {
	case code >= 300 && code < 400:
		said = "redirects are not followed"
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		said = "it needs credentials, which only the agent may have"
	case said == "":
		said = line(string(body))
	}
	text := fmt.Sprintf("%s answered %d %s", s, code, http.StatusText(code))
	if said != "" {
		text += ": " + said
	}
	return errors.New(text)
}

// longestLine is how many bytes of what a server says are repeated.
const longestLine = 160

func line(said string) string {
	said = strings.TrimSpace(said)
	first, _, _ := strings.Cut(said[:min(len(said), longestLine)], "\n")
	return strings.TrimSpace(view.Clean(first))
}
