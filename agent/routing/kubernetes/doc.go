// Package kubernetes is the traffic provider of clusters that have none: the selector of the apex
// Service is the route. It points to the pods of the primary or to those of the canary, and there
// is nothing in between, so that every run is a Blue/Green one: the canary is tested through its own
// Service, and takes over all at once.
//
// There is no routing object. The apex Service is the controller's business, as it is for all
// providers, and with it the change of its selector: a split of 100 to the canary selects the
// canary's pods, one of 0 the primary's. So this provider renders nothing, watches nothing and
// observes nothing; above all it never reports a share of the canary that no request gets (gotcha
// D18). What remains is to refuse what a selector cannot do. Weights and matches are not refused:
// the API lets manifests with them run here as Blue/Green.
package kubernetes
