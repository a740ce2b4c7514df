// Package cluster reaches the API server that the kubeconfig flags name, and puts its errors into
// words.
//
// The flags are kubectl's own, bound by client-go's clientcmd. The flag set of
// cli-runtime/genericclioptions binds the same names but links kustomize, the OpenAPI machinery and
// every built-in API type, which more than quadruples the binary and the memory of
// `kubectl canary version`; nothing here needs a REST mapper or discovery, because the resources
// that are read and written are few and known.
package cluster
