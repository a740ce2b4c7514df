// Package rights finds out, before anything is done, which operator verbs the user may use on a
// canary.
//
// RBAC knows most of it: without patch on canaries.flagger.app no verb can be sent. That each verb also
// takes the RBAC verb of its name is the shipped admission policy's doing, and a user who is no
// administrator may not look whether a cluster has that policy. So one of the verbs that the user lacks
// is sent as a dry run, which goes through admission and changes nothing.
//
// It is for showing what is possible. Who asks nevertheless is refused by the API server.
package rights
