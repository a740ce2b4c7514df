// Package manifests carries the manifests of the product inside its programs, so that
// installing it needs no download.
package manifests

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed crd/*.yaml agent/*.yaml agent/features/*.yaml agent/providers/*.yaml policies/*.yaml roles/*.yaml
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

// Policies returns the admission policy that decides who may send which verb, and its binding.
func Policies() ([][]byte, error) { return read("policies/*.yaml") }

// Roles returns the ClusterRoles for people who use the plugin: to look, to act, to approve.
func Roles() ([][]byte, error) { return read("roles/*.yaml") }

// Providers are the traffic providers that need rights of their own, by the names of their files.
// Nothing is parsed: help texts ask for them.
func Providers() []string {
	names, _ := fs.Glob(files, "agent/providers/*.yaml") // The pattern is well-formed.
	for i, name := range names {
		names[i] = strings.TrimSuffix(path.Base(name), ".yaml")
	}
	return names
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
