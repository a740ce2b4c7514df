package krew

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	// APIVersion of manifests that krew's index accepts.
	APIVersion = "krew.googlecontainertools.github.com/v1alpha2"
	// Kind of manifests.
	Kind = "Plugin"
)

// Plugin is a manifest of krew's index.
type Plugin struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata names the plugin.
type Metadata struct {
	Name string `json:"name"`
}

// Spec describes the plugin.
type Spec struct {
	// Version is a semantic version with a leading v.
	Version string `json:"version"`
	// Homepage is a URL.
	Homepage string `json:"homepage,omitempty"`
	// ShortDescription is one line, shown in lists.
	ShortDescription string `json:"shortDescription"`
	Description      string `json:"description,omitempty"`
	// Caveats are printed after the installation.
	Caveats   string     `json:"caveats,omitempty"`
	Platforms []Platform `json:"platforms"`
}

// Platform says what is installed where.
type Platform struct {
	// Selector chooses operating system and architecture, by the keys os and arch.
	Selector *metav1.LabelSelector `json:"selector"`
	// URI of the archive.
	URI string `json:"uri"`
	// SHA256 of the archive, in lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Files that are taken out of the archive; nil for all.
	Files []FileOperation `json:"files,omitempty"`
	// Bin is the program, relative to the installation folder.
	Bin string `json:"bin"`
}

// FileOperation moves files from the archive into the installation folder.
type FileOperation struct {
	// From is a path or a glob in the archive.
	From string `json:"from"`
	// To is a path in the installation folder; "." is the folder itself.
	To string `json:"to"`
}

// Parse reads a manifest. A field that krew does not know is an error: krew would ignore it, and what
// was meant by it would be lost.
func Parse(text []byte) (*Plugin, error) {
	p := &Plugin{}
	if err := yaml.UnmarshalStrict(text, p); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	return p, nil
}
