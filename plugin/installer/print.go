package installer

import (
	"bytes"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Print writes objects in a format: one document each in YAML, a List in JSON and for templates, as
// kubectl apply does.
func (s *Session) Print(o *cli.Output, objects []*unstructured.Unstructured) error {
	printer, err := o.Printer()
	if err != nil {
		return err
	}
	format, _, _ := strings.Cut(o.Format, "=")
	var items []runtime.Object
	switch format {
	case "yaml", "kyaml", "name":
		for _, object := range objects {
			items = append(items, object)
		}
	default:
		list := make([]any, 0, len(objects))
		for _, object := range objects {
			list = append(list, object.Object)
		}
		items = []runtime.Object{&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "List", "items": list, "metadata": map[string]any{},
		}}}
	}
	var b bytes.Buffer
	for _, item := range items {
		if err := printer.PrintObj(item, &b); err != nil {
			return err
		}
	}
	text := b.String()
	if s.Terminal.Out {
		lines := strings.Split(text, "\n")
		for i := range lines {
			lines[i] = view.Clean(lines[i])
		}
		text = strings.Join(lines, "\n")
	}
	_, err = io.WriteString(s.Streams.Out, text)
	return err
}
