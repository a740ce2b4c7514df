// Package timeline draws the scrub bar of a replay: where it is, whether it plays, and a bar with a
// mark for everything that is worth a jump. It is pure: a struct in, lines out.
package timeline
