// Package lint is `kubectl canary lint`: it checks manifests offline, against the schema, the meaning
// of the fields, and each other.
package lint
