package inspect

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// viewer is the role that gives every right that is used here.
const viewer = "canary-viewer"

// lost says since when what is shown is old.
func (r *reading) lost(err error, since time.Time, connected bool) string {
	if apierrors.IsUnauthorized(err) {
		return r.Cluster.Explain(err, fmt.Sprintf("watch canary %q", r.name)).Error()
	}
	what := "stale since"
	if !connected {
		what = "no answer since"
	}
	return fmt.Sprintf("%s %s: %s; trying again", what, since.Format(time.TimeOnly), cause(err))
}

// longestCause bounds what is shown of an error, in bytes.
const longestCause = 200

// cause is why there is no connection, without the address and the request.
func cause(err error) string {
	var dns *net.DNSError
	var call *os.SyscallError
	var request *url.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: %s", dns.Name, dns.Err)
	case errors.As(err, &call):
		return call.Err.Error()
	case errors.As(err, &request):
		if request.Timeout() {
			return "no answer in time"
		}
		err = request.Err
	}
	text := err.Error()
	return text[:min(len(text), longestCause)]
}

// missing finds in the words of the API server which right is missing.
var missing = regexp.MustCompile(`cannot ([a-z]+) resource "([a-z./]+)"(?: in API group "[^"]*")?(?: in the namespace "([^"]+)")?`)

// refusal puts an answer that ends a reading into words.
func (r *reading) refusal(err error, doing string) string {
	if words, ok := missingRight(err, r.namespace); ok {
		return words
	}
	return r.Cluster.Explain(err, doing).Error()
}

// missingRight says which right is missing and which role gives it. The namespace is used where the
// API server does not name one.
func missingRight(err error, namespace string) (words string, ok bool) {
	right := missing.FindStringSubmatch(err.Error())
	if right == nil || !apierrors.IsForbidden(err) {
		return "", false
	}
	if right[3] != "" {
		namespace = right[3]
	}
	return fmt.Sprintf("you may not %s %s in namespace %q; a RoleBinding to ClusterRole %s there gives it", right[1], right[2], namespace, viewer), true
}
