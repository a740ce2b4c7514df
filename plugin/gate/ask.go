package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// errElsewhere means that the API server cannot reach what keeps the gate.
var errElsewhere = errors.New("the gate is not behind a Service of this cluster")

// longestReply is how much of what a load tester says is repeated.
const longestReply = 200

// ask posts to an endpoint of a load tester's gate through the API server's proxy, and returns the
// status code of the load tester.
func ask(ctx context.Context, d cli.Deps, g *Gate, endpoint string, timeout time.Duration) (code int, reply string, err error) {
	t := g.tester
	if t.service == "" {
		return 0, "", fmt.Errorf("%w: %s", errElsewhere, t.why)
	}
	path, err := t.proxied(endpoint)
	if err != nil {
		return 0, "", fmt.Errorf("%w: %w", errElsewhere, err)
	}
	client, err := d.Cluster.REST()
	if err != nil {
		return 0, "", err
	}
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request := client.Post().AbsPath(path).MaxRetries(0).
		SetHeader("Content-Type", "application/json").Body([]byte(payload(g.Namespace, g.Canary)))
	for name, values := range t.url.Query() {
		for _, value := range values {
			request.Param(name, value)
		}
	}
	result := request.Do(asking)
	result.StatusCode(&code)
	err = result.Error()
	answered, isAnswer := apierrors.StatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
	switch {
	case err == nil:
		raw, _ := result.Raw()
		return code, firstLine(string(raw)), nil
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case asking.Err() != nil:
		return 0, "", cli.TimedOut("%s did not answer within %s: is it running? (kubectl get endpointslices -n %s -l kubernetes.io/service-name=%s)",
			g.where(), timeout, t.namespace, t.service)
	case isAnswer:
		// The API server speaks in Status objects; what has another form it has only passed on.
		return codeOf(err), firstLine(answered.Message), nil
	}
	return 0, "", g.explain(d, err)
}

func codeOf(err error) int {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return 0
	}
	return int(status.Status().Code)
}

// where names the load tester.
func (g *Gate) where() string {
	return fmt.Sprintf("the load tester, Service %s in namespace %s,", g.tester.service, g.tester.namespace)
}

// explain puts into words why the API server could not pass on a request.
func (g *Gate) explain(d cli.Deps, err error) error {
	t := g.tester
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("cannot reach %s through the API server: you need the verb create on services/proxy in namespace %s: %w",
			g.where(), t.namespace, err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: there is no Service %s in namespace %s", errElsewhere, t.service, t.namespace)
	case apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err):
		return fmt.Errorf("%s cannot be reached: %w: is a pod of it ready?", g.where(), err)
	}
	return d.Cluster.Explain(err, fmt.Sprintf("reach Service %s in namespace %s", t.service, t.namespace))
}

// probe asks a load tester whether the gate is open.
func probe(ctx context.Context, d cli.Deps, g *Gate, timeout time.Duration) (state string, err error) {
	code, reply, err := ask(ctx, d, g, "check", timeout)
	switch {
	case err != nil:
		return Unknown, err
	case code >= 200 && code <= http.StatusAccepted:
		return Open, nil
	case code == http.StatusForbidden:
		return Closed, nil
	}
	return Unknown, fmt.Errorf("%s answered %s", g.where(), said(code, reply))
}

func said(code int, reply string) string {
	words := fmt.Sprintf("%d %s", code, http.StatusText(code))
	if reply != "" {
		words += ": " + reply
	}
	return words
}

func firstLine(reply string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(reply[:min(len(reply), longestReply)]), "\n")
	return view.Clean(line)
}
