package controller

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// applier is who applies what.
type applier struct {
	key          objectKey
	sub, manager string
}

// patch carries out merge patches and applies.
func (s *apiServer) patch(w http.ResponseWriter, r *http.Request, key objectKey, sub string) {
	body, err := io.ReadAll(r.Body)
	var patch map[string]any
	if err == nil {
		err = json.Unmarshal(body, &patch)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	apply := strings.Contains(r.Header.Get("Content-Type"), "apply")
	u := s.objects[key].DeepCopy()
	switch {
	case u == nil && (!apply || sub != ""):
		refuse(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", key.resource, key.name))
		return
	case u == nil:
		u = &unstructured.Unstructured{Object: map[string]any{}}
	}
	for _, field := range []string{"uid", "resourceVersion"} {
		want, set, _ := unstructured.NestedString(patch, "metadata", field)
		if have, _, _ := unstructured.NestedString(u.Object, "metadata", field); set && want != have {
			refuse(w, http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version")
			return
		}
	}
	if sub == "status" {
		patch = map[string]any{"status": patch["status"]}
	}
	patch = normal(patch)
	if apply {
		by := applier{key, sub, r.URL.Query().Get("fieldManager")}
		order := byType(patch)
		byType(u.Object)
		others := []map[string]any{}
		for other, content := range s.applied {
			if other.key == key && other != by {
				others = append(others, content)
			}
		}
		prune(u.Object, s.applied[by], patch, others)
		s.applied[by] = patch
		merge(u.Object, runtime.DeepCopyJSON(patch))
		asList(u.Object, order)
		u.SetManagedFields(s.managers(key))
	} else {
		merge(u.Object, patch)
	}
	if before := s.objects[key]; before == nil || !reflect.DeepEqual(before.Object, u.Object) {
		s.store(key, u) // A write that changes nothing makes no new version.
	}
	answer(w, http.StatusOK, u.Object)
}

// managers lists who has applied something to an object, without saying what.
func (s *apiServer) managers(key objectKey) []metav1.ManagedFieldsEntry {
	var entries []metav1.ManagedFieldsEntry
	for by := range s.applied {
		if by.key == key {
			entries = append(entries, metav1.ManagedFieldsEntry{
				Manager: by.manager, Operation: metav1.ManagedFieldsOperationApply, Subresource: by.sub,
			})
		}
	}
	slices.SortFunc(entries, func(a, b metav1.ManagedFieldsEntry) int {
		return strings.Compare(a.Manager+"/"+a.Subresource, b.Manager+"/"+b.Subresource)
	})
	return entries
}

// normal gives whole numbers the type that decoders of objects give them.
func normal(value map[string]any) map[string]any {
	u := &unstructured.Unstructured{}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "X", "value": value})
	if err == nil {
		err = u.UnmarshalJSON(text)
	}
	if err != nil {
		panic(err)
	}
	out, _ := u.Object["value"].(map[string]any)
	return out
}

// prune takes away what an applier had applied and does not apply any more, unless others apply it too.
func prune(from, before, now map[string]any, others []map[string]any) {
	for name, value := range before {
		var shared []map[string]any
		kept := false
		for _, other := range others {
			if theirs, ok := other[name]; ok {
				kept = true
				if m, ok := theirs.(map[string]any); ok {
					shared = append(shared, m)
				}
			}
		}
		a, okA := from[name].(map[string]any)
		b, okB := value.(map[string]any)
		c, okC := now[name].(map[string]any)
		_, wanted := now[name]
		switch {
		case okA && okB && (okC || kept):
			prune(a, b, c, shared)
		case !wanted && !kept:
			delete(from, name)
		}
	}
}

// byType turns the conditions into a map, since each of them has owners of its own, and returns their order.
func byType(object map[string]any) (order []string) {
	status, _ := object["status"].(map[string]any)
	list, ok := status["conditions"].([]any)
	if !ok {
		return nil
	}
	conditions := map[string]any{}
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			name, _ := m["type"].(string)
			conditions[name] = m
			order = append(order, name)
		}
	}
	status["conditions"] = conditions
	return order
}

// asList turns them into a list again: those just applied first.
func asList(object map[string]any, order []string) {
	status, _ := object["status"].(map[string]any)
	conditions, ok := status["conditions"].(map[string]any)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	list := []any{}
	for _, name := range order {
		if condition, ok := conditions[name]; ok {
			list = append(list, condition)
		}
	}
	status["conditions"] = list
}

// merge does what a merge patch does.
func merge(into, patch map[string]any) {
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(into, name)
		case map[string]any:
			inner, ok := into[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
			}
			merge(inner, value)
			into[name] = inner
		default:
			into[name] = value
		}
	}
}
