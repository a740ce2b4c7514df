// Package fleet draws the panel of all canaries: one row for each, what needs attention first.
//
// A [Table] is driven by one goroutine: canaries go in with [Table.Put] and [Table.Remove], keys move
// the selection, [Table.Lines] draws. A canary is measured and cleaned once, when it comes; sorting
// and filtering happen at most once between two frames, and only rows in sight are drawn. With a
// thousand canaries a change and the frame after it take well under a millisecond each.
//
// # Columns
//
// From the left: a sign at the selected row, namespace, name, phase, the canary's traffic, the step,
// failed checks, the worst metric, age, and what is next with the time until it. As the width
// shrinks, columns go in the order of the wishes in layout.go, least wanted first; below 60 columns
// name, phase and traffic are left.
//
// # The worst metric
//
// A row has room for one metric. It is one that fails, the one furthest beyond its bound; or one
// that could not be measured; or else the one nearest to its bound. Nearness is relative: to the room
// between both bounds, to the room up to 100 for a lower bound in percent, and to the bound itself
// otherwise, so that milliseconds compare with percent.
//
// # The filter
//
// The words of a filter must all match; a word that begins with "!" must not. A word matches where it
// is part of the namespace/name, the phase as shown or as in the status, the health, the provider,
// the strategy or an image, without regard to case: "failed shop-", "paused !staging/".
package fleet
