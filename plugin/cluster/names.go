package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Contexts are the names of the contexts of the kubeconfig; none when it cannot be read.
func (a *Access) Contexts() []string {
	a.init()
	raw, _ := a.loader().RawConfig()
	return slices.Sorted(maps.Keys(raw.Contexts))
}

// Clusters are the names of the clusters of the kubeconfig; none when it cannot be read.
func (a *Access) Clusters() []string {
	a.init()
	raw, _ := a.loader().RawConfig()
	return slices.Sorted(maps.Keys(raw.Clusters))
}

// Users are the names of the users of the kubeconfig; none when it cannot be read.
func (a *Access) Users() []string {
	a.init()
	raw, _ := a.loader().RawConfig()
	return slices.Sorted(maps.Keys(raw.AuthInfos))
}

// Named is an object as [Access.Names] knows it.
type Named struct {
	// Namespace is known only in lists of all namespaces.
	Namespace string
	Name      string
	// Status is the word in the column of that name; empty when there is no such column.
	Status string
}

// namesLimit bounds what a list of names costs; nobody reads more.
const namesLimit = 500

// Names lists at most 500 objects of a resource, of all namespaces if namespace is empty. It asks for
// the table that the API server would print, which holds a few words of each object.
func (a *Access) Names(ctx context.Context, resource schema.GroupVersionResource, namespace string) ([]Named, error) {
	client, err := a.REST()
	if err != nil {
		return nil, err
	}
	path := []string{"/apis", resource.Group, resource.Version}
	if resource.Group == "" {
		path = []string{"/api", resource.Version}
	}
	include := "Metadata" // only there are namespaces
	if namespace != "" {
		path, include = append(path, "namespaces", namespace), "None"
	}
	raw, err := client.Get().AbsPath(append(path, resource.Resource)...).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").
		Param("includeObject", include).Param("limit", strconv.Itoa(namesLimit)).
		DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	answer := tableOrList{}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("read the names of %s: %w", resource.Resource, err)
	}
	return answer.names(), nil
}

// tableOrList is a Table, or what a server answers that cannot make tables of its objects.
type tableOrList struct {
	ColumnDefinitions []struct{ Name, Format string }
	Rows              []struct {
		Cells  []any
		Object struct{ Metadata identity }
	}
	Items []struct {
		Metadata identity
		Status   struct{ Phase any }
	}
}

type identity struct{ Name, Namespace string }

func (t *tableOrList) names() []Named {
	var out []Named
	for _, item := range t.Items {
		status, _ := item.Status.Phase.(string)
		out = append(out, Named{Namespace: item.Metadata.Namespace, Name: item.Metadata.Name, Status: status})
	}
	for _, row := range t.Rows {
		named := Named{Namespace: row.Object.Metadata.Namespace, Name: row.Object.Metadata.Name}
		for i, cell := range row.Cells[:min(len(row.Cells), len(t.ColumnDefinitions))] {
			text, _ := cell.(string)
			switch column := t.ColumnDefinitions[i]; {
			case column.Format == "name":
				named.Name = text
			case strings.EqualFold(column.Name, "status"):
				named.Status = text
			}
		}
		out = append(out, named)
	}
	return out
}
