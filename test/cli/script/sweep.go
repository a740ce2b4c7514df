//go:build linux

package script

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const definitions = "customresourcedefinitions"

// What an installation leaves that belongs to no namespace, with the beginnings of the names.
var installed = []struct {
	resource schema.GroupVersionResource
	prefixes []string
}{
	{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}, []string{"kubectl-canary-"}},
	{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}, []string{"kubectl-canary-"}},
	{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, []string{"canary-"}},
	{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, []string{"canary-"}},
	{schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, []string{stage.AgentNamespace, "flagger-system"}},
	{schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: definitions},
		[]string{"canaries.flagger.app", "metrictemplates.flagger.app", "alertproviders.flagger.app"}},
}

// sweep takes away what a script has installed, and waits until it is gone. A script that failed in
// the middle must not make the next ones fail.
func sweep(c *testbed.Cluster) error {
	// The controllers take their time over a namespace when an API has just gone away.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	client, err := dynamic.NewForConfig(c.RESTConfig)
	if err != nil {
		return err
	}
	for {
		left, err := sweepOnce(ctx, client)
		if err == nil && len(left) == 0 {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("sweep the cluster: %w; left: %s", errors.Join(err, ctx.Err()), strings.Join(left, ", "))
		}
	}
}

func sweepOnce(ctx context.Context, client dynamic.Interface) (left []string, err error) {
	// Nobody is there any more to take the finalizers off.
	canaries, err := client.Resource(stage.Canaries).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	if canaries != nil {
		for _, item := range canaries.Items {
			if len(item.GetFinalizers()) == 0 {
				continue
			}
			_, err := client.Resource(stage.Canaries).Namespace(item.GetNamespace()).Patch(ctx, item.GetName(),
				types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				return nil, err
			}
		}
	}
	for _, kind := range installed {
		if kind.resource.Resource == definitions && len(left) > 0 {
			// A namespace that is being deleted waits for every API; one that goes away under it makes
			// its controller back off, for minutes.
			break
		}
		list, err := client.Resource(kind.resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			for _, prefix := range kind.prefixes {
				if !strings.HasPrefix(item.GetName(), prefix) {
					continue
				}
				left = append(left, kind.resource.Resource+"/"+item.GetName())
				if item.GetDeletionTimestamp() == nil {
					err := client.Resource(kind.resource).Delete(ctx, item.GetName(), metav1.DeleteOptions{})
					if err != nil && !apierrors.IsNotFound(err) {
						return nil, err
					}
				}
			}
		}
	}
	return left, nil
}
