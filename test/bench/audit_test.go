//go:build linux

package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// auditPolicy records every finished request without its body. Watches count when they end, as
// one request each.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// audit is the API server's own account of the requests it got.
type audit struct{ path string }

// newAudit prepares the files and returns the arguments for the API server.
func newAudit(dir string) (audit, []string, error) {
	policy := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return audit{}, nil, err
	}
	a := audit{path: filepath.Join(dir, "audit.log")}
	return a, []string{"--audit-policy-file=" + policy, "--audit-log-path=" + a.path}, nil
}

// request is one line of the log.
type request struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		Namespace   string `json:"namespace"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	RequestURI               string    `json:"requestURI"`
	RequestReceivedTimestamp time.Time `json:"requestReceivedTimestamp"`
}

// what names the request, such as "list canaries".
func (r request) what() string {
	what := r.ObjectRef.Resource
	if what == "" {
		what, _, _ = strings.Cut(r.RequestURI, "?")
	}
	if r.ObjectRef.Subresource != "" {
		what += "/" + r.ObjectRef.Subresource
	}
	return r.Verb + " " + what
}

// count counts the requests within a time that match.
func (a audit) count(from, to time.Time, match func(request) bool) (total int, by map[string]int, err error) {
	f, err := os.Open(a.path)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	by = map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // The line that is being written.
		}
		if r.RequestReceivedTimestamp.Before(from) || r.RequestReceivedTimestamp.After(to) || !match(r) {
			continue
		}
		by[r.what()]++
		total++
	}
	return total, by, lines.Err()
}

// requests counts the requests of a user within a time, by verb and resource. Those of other
// namespaces than the one named and the agent's own do not count: other releases make them.
func (a audit) requests(user, namespace string, from, to time.Time) (total int, by map[string]int, err error) {
	return a.count(from, to, func(r request) bool {
		ns := r.ObjectRef.Namespace
		return r.User.Username == user && (ns == "" || ns == namespace || ns == stage.AgentNamespace)
	})
}

// list prints counts, the most frequent first.
func list(by map[string]int) string {
	names := make([]string, 0, len(by))
	for name := range by {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		return by[names[i]] > by[names[j]] || (by[names[i]] == by[names[j]] && names[i] < names[j])
	})
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "    %3d  %s\n", by[name], name)
	}
	return b.String()
}
