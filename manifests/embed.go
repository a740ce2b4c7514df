// Package manifests carries the manifests of the product inside its programs, so that
// "kubectl canary install" needs no download.
package manifests

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed crd/*.yaml
var crds embed.FS

// CRDs returns the CustomResourceDefinitions, one YAML document each, in the order of their file
// names. They are generated from the types in api/v1beta1.
func CRDs() ([][]byte, error) {
	names, err := fs.Glob(crds, "crd/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the embedded CRDs: %w", err)
	}
	docs := make([][]byte, 0, len(names))
	for _, name := range names {
		doc, err := crds.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the embedded CRD %s: %w", name, err)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}
