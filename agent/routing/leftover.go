package routing

import (
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Leftover lists the paths of fields that our manager owns in the live object and renders no
// longer, which applying the rendered object would remove. It is the other half of Diff: a
// timeout that the user deleted from the Canary is in the live route, and only there.
//
// For maps it goes by managedFields, so fields of others and defaults do not count. Below an
// atomic list there is no ownership by field: there every field that is live and not rendered
// counts, whoever wrote it, which is why providers render the defaults of the API server inside of
// such lists.
func Leftover(rendered, live *unstructured.Unstructured, ourManager string) []string {
	if rendered == nil || live == nil {
		return nil
	}
	entries := managedFields(live)
	var paths []string
	for i := range entries {
		if entries[i].Subresource != "" {
			continue
		}
		if fields := fieldsOf(&entries[i]); fields != nil {
			// An apply removes only what an apply has written.
			walk := leftovers{ours: entries[i].Manager == ourManager && entries[i].Operation == metav1.ManagedFieldsOperationApply}
			walk.inFields("", fields, rendered.Object, live.Object)
			paths = append(paths, walk.paths...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// leftovers collects the paths for the fields of one manager.
type leftovers struct {
	ours  bool
	paths []string
}

// inFields walks the fields that the manager owns.
func (l *leftovers) inFields(path string, owned fieldSet, want, have map[string]any) {
	for key, below := range owned {
		name, isField := strings.CutPrefix(key, "f:")
		if !isField {
			continue
		}
		child := joinField(path, name)
		value := have[name]
		// The executor adds owner references and finalizers to what a provider renders.
		if isEmpty(value) || child == "metadata.ownerReferences" || child == "metadata.finalizers" {
			continue
		}
		wanted, rendered := want[name]
		fields, isMap := value.(map[string]any)
		switch {
		case !rendered:
			if l.ours {
				l.paths = append(l.paths, child)
			}
		case len(below) == 0:
			l.inAtom(child, wanted, value)
		case isMap:
			wantedFields, _ := wanted.(map[string]any)
			l.inFields(child, below, wantedFields, fields)
		}
	}
}

// inAtom compares the inside of a value that is owned as a whole.
func (l *leftovers) inAtom(path string, want, have any) {
	if fields, ok := have.(map[string]any); ok {
		wanted, _ := want.(map[string]any)
		for _, key := range sortedKeys(fields) {
			child := joinField(path, key)
			if value, ok := wanted[key]; ok {
				l.inAtom(child, value, fields[key])
			} else if !isEmpty(fields[key]) {
				l.paths = append(l.paths, child)
			}
		}
		return
	}
	list, _ := asList(have)
	wanted, _ := asList(want)
	// A list of another length is a matter for Diff.
	for i := range min(len(list), len(wanted)) {
		l.inAtom(path+"["+strconv.Itoa(i)+"]", wanted[i], list[i])
	}
}
