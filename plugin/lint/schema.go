package lint

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/manifests"
)

// schema is as much of the OpenAPI schema of a CRD as the CRDs here use; a test sees to it that they
// use nothing else.
type schema struct {
	Type                 string             `json:"type"`
	Description          string             `json:"description"`
	Format               string             `json:"format"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	Required             []string           `json:"required"`
	Enum                 []any              `json:"enum"`
	Pattern              string             `json:"pattern"`
	Default              any                `json:"default"`
	Nullable             bool               `json:"nullable"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	MinLength            *int               `json:"minLength"`
	MaxLength            *int               `json:"maxLength"`
	MinItems             *int               `json:"minItems"`
	MaxItems             *int               `json:"maxItems"`
	MinProperties        *int               `json:"minProperties"`
	MaxProperties        *int               `json:"maxProperties"`
	IntOrString          bool               `json:"x-kubernetes-int-or-string"`
	Preserve             bool               `json:"x-kubernetes-preserve-unknown-fields"`
}

// extension is true for a field that Flagger does not have.
func (s *schema) extension() bool { return strings.HasSuffix(s.Description, "Extension.") }

// schemas of the kinds of the API.
func schemas() (map[string]*schema, error) {
	docs, err := manifests.CRDs()
	if err != nil {
		return nil, err
	}
	out := map[string]*schema{}
	for _, doc := range docs {
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema *schema `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(doc, &crd); err != nil {
			return nil, fmt.Errorf("embedded CRD: %w", err)
		}
		for _, v := range crd.Spec.Versions {
			if v.Name != v1beta1.SchemeGroupVersion.Version || v.Schema.OpenAPIV3Schema == nil {
				continue
			}
			s := v.Schema.OpenAPIV3Schema
			s.Properties["metadata"] = metadataSchema()
			// The API server takes the status from the agent only.
			s.Properties["status"] = &schema{Type: "object", Preserve: true, Nullable: true}
			out[crd.Spec.Names.Kind] = s
		}
	}
	return out, nil
}

// metadataSchema is what a manifest may say; the API server has no schema for it in a CRD.
func metadataSchema() *schema {
	text := &schema{Type: "string", Nullable: true}
	texts := &schema{Type: "object", Nullable: true, AdditionalProperties: &schema{Type: "string"}}
	anything := &schema{Preserve: true, Nullable: true}
	return &schema{Type: "object", Properties: map[string]*schema{
		"name": text, "generateName": text, "namespace": text, "labels": texts, "annotations": texts,
		"finalizers": {Type: "array", Nullable: true, Items: &schema{Type: "string"}}, "ownerReferences": anything,
		// What the API server writes, in manifests that were copied from a cluster.
		"creationTimestamp": anything, "deletionTimestamp": anything, "deletionGracePeriodSeconds": anything,
		"generation": anything, "managedFields": anything, "resourceVersion": anything, "selfLink": anything, "uid": anything,
	}}
}
