// Package manifests carries the manifests of the product inside its programs, so that
// installing it needs no download.
package manifests

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed crd/*.yaml agent/*.yaml agent/features/*.yaml agent/providers/*.yaml
var files embed.FS

// CRDs returns the CustomResourceDefinitions, one YAML document each, in the order of their file
// names. They are generated from the types in api/v1beta1.
func CRDs() ([][]byte, error) { return read("crd/*.yaml") }

// Agent returns the agent's manifests in the order in which they can be applied: its namespace,
// its ServiceAccount and rights, those for features and traffic providers, and the Deployment.
func Agent() ([][]byte, error) {
	return read(
		"agent/namespace.yaml", "agent/serviceaccount.yaml", "agent/clusterrole.yaml",
		"agent/clusterrolebinding.yaml", "agent/leader-election.yaml", "agent/features/*.yaml", "agent/providers/*.yaml",
		"agent/deployment.yaml")
}

func read(patterns ...string) ([][]byte, error) {
	var docs [][]byte
	for _, pattern := range patterns {
		names, err := fs.Glob(files, pattern)
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("embedded manifests %s: %d found: %w", pattern, len(names), err)
		}
		for _, name := range names {
			doc, err := files.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("embedded manifest %s: %w", name, err)
			}
			docs = append(docs, doc)
		}
	}
	return docs, nil
}
