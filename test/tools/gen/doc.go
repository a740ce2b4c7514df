// Package gen pins controller-gen, which writes the deep-copy functions of api/v1beta1 and the
// CRDs in manifests/crd, and tests those CRDs with the code of the API server. It is a module of
// its own, so that none of this reaches the dependencies of the product.
package gen
