//go:build linux

package testbed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// fieldManager owns what the test cluster and tests apply.
const fieldManager = "testbed"

// objects reads and writes objects of any kind.
type objects struct {
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	client    dynamic.Interface
}

func newObjects(config *rest.Config) (*objects, error) {
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(d)
	return &objects{cached, restmapper.NewDeferredDiscoveryRESTMapper(cached), client}, nil
}

// parse splits a YAML text with any number of documents into objects.
func parse(text []byte) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			return nil, fmt.Errorf("document %d: %w", len(all)+1, err)
		}
		if len(o.Object) == 0 {
			continue
		}
		if o.IsList() {
			o.EachListItem(func(item runtime.Object) error {
				all = append(all, item.(*unstructured.Unstructured))
				return nil
			})
			continue
		}
		all = append(all, &o)
	}
}

// apply creates or changes one object. Namespace is used if the kind is
// namespaced and the object does not say.
func (s *objects) apply(ctx context.Context, o *unstructured.Unstructured, namespace string) error {
	resource, err := s.resource(o, namespace)
	if err != nil {
		return err
	}
	_, err = resource.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("apply %s: %w", describe(o), err)
	}
	return nil
}

// resource finds the client for an object. A kind that is not known makes it
// look again, because a CRD may have been added.
func (s *objects) resource(o *unstructured.Unstructured, namespace string) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		s.mapper.Reset()
		mapping, err = s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("find the kind of %s: %w", describe(o), err)
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return s.client.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() != "" {
		namespace = o.GetNamespace()
	}
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return s.client.Resource(mapping.Resource).Namespace(namespace), nil
}

func describe(o *unstructured.Unstructured) string {
	return strings.TrimPrefix(fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName()), "/")
}

// Apply creates or changes the objects of a YAML text, in the order of the text,
// by server-side apply. Namespace is used for objects that name none.
func (c *Cluster) Apply(ctx context.Context, namespace string, text []byte) error {
	all, err := parse(text)
	if err != nil {
		return fmt.Errorf("read the YAML to apply: %w", err)
	}
	for _, o := range all {
		if err := c.objects.apply(ctx, o, namespace); err != nil {
			return err
		}
		if o.GetKind() == "CustomResourceDefinition" {
			if err := c.waitEstablished(ctx, o.GetName()); err != nil {
				return err
			}
		}
	}
	return nil
}

// waitEstablished waits until objects of a CRD can be created.
func (c *Cluster) waitEstablished(ctx context.Context, name string) error {
	return c.wait(ctx, "the CRD "+name, func(ctx context.Context) error {
		o, err := c.objects.client.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, each := range conditions {
			condition, _ := each.(map[string]any)
			if condition["type"] == "Established" && condition["status"] == "True" {
				return nil
			}
		}
		return errors.New("not established yet")
	})
}

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
