package routing

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Leftover lists the paths of fields that our manager owns in the live object and renders no
// longer, which applying the rendered object would remove. It is the other half of Diff: a
// timeout that the user deleted from the Canary is in the live route, and only there.
//
// For maps it goes by managedFields, so fields of others and defaults do not count. Below an
// atomic list there is no ownership by field: there every field that is live and not rendered
// counts, which is why providers render the defaults of the API server inside of such lists.
func Leftover(rendered, live *unstructured.Unstructured, ourManager string) []string {
	if rendered == nil || live == nil {
		return nil
	}
	entries := managedFields(live)
	var paths []string
	for i := range entries {
		// The status, and what was written by plain updates under our name, is not ours to apply.
		if entries[i].Manager != ourManager || entries[i].Subresource != "" {
			continue
		}
		if fields := fieldsOf(&entries[i]); fields != nil {
			paths = append(paths, leftInFields("", fields, rendered.Object, live.Object)...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// leftInFields walks the fields that the manager owns.
func leftInFields(path string, owned fieldSet, want, have map[string]any) []string {
	var paths []string
	for key, below := range owned {
		if len(key) < 3 || key[:2] != "f:" {
			continue
		}
		name := key[2:]
		child := joinField(path, name)
		if child == "metadata.ownerReferences" || child == "metadata.finalizers" {
			// The executor adds these to what a provider renders.
			continue
		}
		value, live := have[name]
		if !live || isEmpty(value) {
			continue
		}
		wanted, rendered := want[name]
		if !rendered {
			paths = append(paths, child)
			continue
		}
		fields, isMap := value.(map[string]any)
		if isMap && len(below) > 0 {
			wantedFields, _ := wanted.(map[string]any)
			paths = append(paths, leftInFields(child, below, wantedFields, fields)...)
			continue
		}
		if len(below) == 0 {
			paths = append(paths, leftInAtom(child, wanted, value)...)
		}
	}
	return paths
}

// leftInAtom compares the inside of a value that is owned as a whole.
func leftInAtom(path string, want, have any) []string {
	var paths []string
	if fields, ok := have.(map[string]any); ok {
		wanted, _ := want.(map[string]any)
		for _, key := range sortedKeys(fields) {
			child := joinField(path, key)
			if value, ok := wanted[key]; ok {
				paths = append(paths, leftInAtom(child, value, fields[key])...)
			} else if !isEmpty(fields[key]) {
				paths = append(paths, child)
			}
		}
		return paths
	}
	list, _ := asList(have)
	wanted, _ := asList(want)
	for i := range list {
		if i < len(wanted) {
			paths = append(paths, leftInAtom(path+"["+strconv.Itoa(i)+"]", wanted[i], list[i])...)
		}
	}
	return paths
}
