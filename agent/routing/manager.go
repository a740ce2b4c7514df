package routing

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ForeignManager names the field manager, other than ours, that most recently wrote any of the
// paths of the live object, or is empty when nobody else owns them. Paths are dotted field names
// from the root, such as "spec.rules"; without paths it is the whole spec that counts.
//
// It has to be asked before the object is put right: a forced apply takes the fields away from
// the manager that is to be named. An object from a cache that drops managedFields has no answer.
func ForeignManager(live *unstructured.Unstructured, ourManager string, paths ...string) string {
	if live == nil {
		return ""
	}
	if len(paths) == 0 {
		paths = []string{"spec"}
	}
	var newest *metav1.ManagedFieldsEntry
	entries := managedFields(live)
	for i := range entries {
		entry := &entries[i]
		if entry.Manager == ourManager || !ownsAny(entry, paths) {
			continue
		}
		// Entries without a time are older than all others; among equals the later one counts,
		// as the API server sorts by time.
		if newest == nil || !timeOf(entry).Before(timeOf(newest)) {
			newest = entry
		}
	}
	if newest == nil {
		return ""
	}
	return newest.Manager
}

// fieldSet is the nested form of fieldsV1: keys are "f:<field>" for fields, "k:{…}", "v:…" and
// "i:…" for elements of lists, and "." for the item itself. An empty set is a leaf.
type fieldSet map[string]fieldSet

// UnmarshalJSON accepts any JSON below a key: what is not an object is a leaf.
func (s *fieldSet) UnmarshalJSON(data []byte) error {
	var nested map[string]json.RawMessage
	if err := json.Unmarshal(data, &nested); err != nil {
		*s = fieldSet{}
		return nil //nolint:nilerr // a leaf of another form is still a leaf
	}
	*s = make(fieldSet, len(nested))
	for key, raw := range nested {
		var child fieldSet
		if err := json.Unmarshal(raw, &child); err != nil {
			return err
		}
		(*s)[key] = child
	}
	return nil
}

// managedFields reads metadata.managedFields leniently: an entry that cannot be read is left out,
// since naming the writer is a courtesy and must not stop a repair.
func managedFields(live *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	metadata, _ := live.Object["metadata"].(map[string]any)
	list, _ := metadata["managedFields"].([]any)
	entries := make([]metav1.ManagedFieldsEntry, 0, len(list))
	for _, item := range list {
		raw, err := json.Marshal(item)
		if err != nil {
			continue
		}
		var entry metav1.ManagedFieldsEntry
		if err := json.Unmarshal(raw, &entry); err != nil {
			continue
		}
		entries = append(entries, entry)
	}
	return entries
}

func fieldsOf(entry *metav1.ManagedFieldsEntry) fieldSet {
	if entry.FieldsV1 == nil {
		return nil
	}
	var fields fieldSet
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil
	}
	return fields
}

func timeOf(entry *metav1.ManagedFieldsEntry) *metav1.Time {
	if entry.Time == nil {
		return &metav1.Time{}
	}
	return entry.Time
}

func ownsAny(entry *metav1.ManagedFieldsEntry, paths []string) bool {
	fields := fieldsOf(entry)
	if fields == nil {
		return false
	}
	for _, path := range paths {
		if owns(fields, strings.Split(path, ".")) {
			return true
		}
	}
	return false
}

// owns tells whether the set holds the path, something below it, or an atomic value around it.
func owns(fields fieldSet, path []string) bool {
	for i, name := range path {
		next, ok := fields["f:"+name]
		if !ok {
			// A leaf above the end of the path is an atomic value that contains the path.
			return i > 0 && len(fields) == 0
		}
		fields = next
	}
	return true
}
