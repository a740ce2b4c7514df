package view

import "strings"

// SameRevision tells whether a revision that a status has is the one that somebody means. What is
// meant may leave out the prefix that says what kind of hash it is ("rs:"), and the fingerprint of
// the tracked configs behind the plus sign; then it means any.
func SameRevision(have, meant string) bool {
	if have == "" || meant == "" {
		return false
	}
	if have == meant {
		return true
	}
	if !strings.Contains(meant, "+") {
		have, _, _ = strings.Cut(have, "+")
	}
	if have == meant {
		return true
	}
	_, hash, found := strings.Cut(have, ":")
	return found && hash == meant
}
