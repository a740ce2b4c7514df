// Package registry knows every traffic provider by its name in spec.provider. There is no default:
// a name that is not served by this version is an error, never another provider.
package registry
