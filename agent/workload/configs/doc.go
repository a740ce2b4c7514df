// Package configs knows the ConfigMaps and Secrets that a pod template mentions: which they are,
// how a change of their content is told, and what the primary's own copies look like. It renders
// and interprets objects and does no I/O.
//
// The primary must not see an edit before it was analysed, so it reads copies named
// "<name>-primary". Refs lists what a template mentions, Tracked says which of the live objects
// take part, RenderCopy makes a copy, Rename makes the primary's template mention the copies.
//
// Digest tells the content of one object and Fingerprint that of all tracked ones, which makes
// it part of a revision. A digest is taken of content that was read: an object that cannot be
// read makes the fingerprint unknown, never different. What is promoted is what was analysed:
// at promotion the same live objects are digested, compared with the analysed revision, and
// copied, without reading them twice (gotcha B23).
//
// The content of a Secret is in none of this package's errors.
package configs
