package installer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Session is one command at work on one cluster.
type Session struct {
	cli.Deps
	// Client reaches the cluster.
	Client dynamic.Interface
	// FieldManager owns what is applied.
	FieldManager string
	// DryRun other than none changes nothing.
	DryRun cli.DryRun
	// Yes answers every question.
	Yes bool
	// Quiet keeps the line per object away from standard output, which then carries something else.
	Quiet bool

	// force takes fields over from other managers; it has been agreed to.
	force bool
}

// kind is where objects of a kind are found.
type kind struct {
	schema.GroupVersionResource
	// cluster is true for kinds without namespaces.
	cluster bool
}

const rbac = "rbac.authorization.k8s.io"

// kinds that an installation can consist of.
var kinds = map[string]kind{
	"CustomResourceDefinition":         {schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}, true},
	"Namespace":                        {schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, true},
	"ServiceAccount":                   {schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, false},
	"ClusterRole":                      {schema.GroupVersionResource{Group: rbac, Version: "v1", Resource: "clusterroles"}, true},
	"ClusterRoleBinding":               {schema.GroupVersionResource{Group: rbac, Version: "v1", Resource: "clusterrolebindings"}, true},
	"Role":                             {schema.GroupVersionResource{Group: rbac, Version: "v1", Resource: "roles"}, false},
	"RoleBinding":                      {schema.GroupVersionResource{Group: rbac, Version: "v1", Resource: "rolebindings"}, false},
	"ValidatingAdmissionPolicy":        {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}, true},
	"ValidatingAdmissionPolicyBinding": {schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}, true},
	"Deployment":                       {schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, false},
}

// of is the collection of a kind; an empty namespace is all.
func (s *Session) of(kindName, namespace string) dynamic.ResourceInterface {
	k := kinds[kindName]
	if k.cluster || namespace == "" {
		return s.Client.Resource(k.GroupVersionResource)
	}
	return s.Client.Resource(k.GroupVersionResource).Namespace(namespace)
}

// Get reads an object of the installation.
func (s *Session) Get(ctx context.Context, kindName, namespace, name string) (*unstructured.Unstructured, error) {
	return s.of(kindName, namespace).Get(ctx, name, metav1.GetOptions{})
}

// chunk bounds the memory of a list on both sides.
const chunk = 500

// list reads all objects that the options choose.
func (s *Session) list(ctx context.Context, from dynamic.ResourceInterface, options metav1.ListOptions) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	options.Limit = chunk
	for {
		page, err := from.List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			all = append(all, &page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// Resource is how kubectl names an object in one word, such as deployment.apps/canary-agent.
func Resource(o *unstructured.Unstructured) string {
	name := strings.ToLower(o.GetKind())
	if group := o.GroupVersionKind().Group; group != "" {
		name += "." + group
	}
	return name + "/" + o.GetName()
}

// Did prints the line that says what was done to an object.
func (s *Session) Did(o *unstructured.Unstructured, what string) error {
	if s.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(s.Streams.Out, "%s %s%s\n", view.Clean(Resource(o)), what, s.DryRun.Suffix())
	return err
}

// Say prints words for people.
func (s *Session) Say(format string, args ...any) error {
	_, err := fmt.Fprintln(s.Streams.ErrOut, view.Clean(fmt.Sprintf(format, args...)))
	return err
}

// ErrNothingDone is what a command ends with after a no.
var ErrNothingDone = errors.New("nothing was done")

// Ask is true when the user agrees, or has done so with --yes; see [cli.Deps.Confirm].
func (s *Session) Ask(ctx context.Context, question string) error {
	if s.Yes || s.DryRun.String() != string(cli.DryRunNone) {
		return nil
	}
	where := ""
	if name := s.Cluster.Context(); name != "" {
		where = " Context " + name + "."
	}
	yes, err := s.Confirm(ctx, view.Clean(question+where))
	if err != nil {
		return err
	}
	if !yes {
		return ErrNothingDone
	}
	return nil
}

// pollInterval is the pause between two looks at something that is waited for. A command waits once
// and for seconds; a watch for each of the objects would cost more.
const pollInterval = 300 * time.Millisecond

// Until looks until done. When ctx ends by its deadline, the error carries the code for that and says
// what was waited for and why it is not there. Errors of looking are taken for passing.
func Until(ctx context.Context, what string, look func(context.Context) (done bool, why string, err error)) error {
	why := "no answer yet"
	for {
		done, now, err := look(ctx)
		switch {
		case done:
			return nil
		case err != nil && ctx.Err() == nil:
			why = err.Error()
		case now != "":
			why = now
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return cli.TimedOut("timed out waiting for %s: %s", what, why)
			}
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}
