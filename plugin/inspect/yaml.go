package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// yaml shows the manifest, without the record of who wrote which field, as kubectl does.
func (r *reading) yaml() func(context.Context, *unstructured.Unstructured) {
	var shown []string
	return func(ctx context.Context, object *unstructured.Unstructured) {
		object.SetManagedFields(nil)
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			r.note(ctx, "", fmt.Sprintf("cannot write canary %q as YAML: %v", r.name, err))
			return
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if slices.Equal(lines, shown) {
			return
		}
		shown = lines
		r.box.put(ctx, post{replace: true, lines: lines})
	}
}
