// Package pager shows a long text of the cluster in a pane: a manifest, events, logs. It scrolls,
// wraps, follows what is added, and searches.
//
// The code is our own because the viewport of bubbles measures every line of the text at each
// addition, and at each frame when it wraps; it also cuts wide characters in half at the edge and
// cannot take lines away from the front. Here a line is measured once, when it comes, and a frame
// costs what is seen.
package pager
