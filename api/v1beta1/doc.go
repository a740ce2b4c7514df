// Package v1beta1 holds the API that kubectl-canary serves: group flagger.app, version v1beta1,
// kinds Canary, MetricTemplate and AlertProvider. The field names and their meaning are Flagger's,
// so that a manifest written for Flagger works unchanged. Fields marked "Extension" are ours: all
// are optional, and on CRDs installed by another controller the API server drops them.
//
// Beside the types the package has everything that follows from a spec alone and that agent,
// plugin and terminal UI must agree on: names and defaults (the accessor methods of Canary), the
// step plan (StepPlan, NextWeight, PromotionPlan), validation (Validate, ValidateReferences) and a
// decoder that survives malformed objects (DecodeCanary). It imports nothing of Kubernetes but
// apimachinery.
//
// +kubebuilder:object:generate=true
// +groupName=flagger.app
package v1beta1
