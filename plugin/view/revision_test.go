package view

import "testing"

func TestSameRevision(t *testing.T) {
	for _, c := range []struct {
		have, meant string
		same        bool
	}{
		{"rs:abc", "rs:abc", true},
		{"rs:abc", "abc", true},
		{"rs:abc+f00d", "rs:abc", true},
		{"rs:abc+f00d", "abc", true},
		{"rs:abc+f00d", "abc+f00d", true},
		{"rs:abc+f00d", "rs:abc+f00d", true},
		{"rs:abc+f00d", "rs:abc+beef", false},
		{"rs:abc", "rs:abc+f00d", false},
		{"rs:abc", "cr:abc", false},
		{"rs:abc", "rs:ab", false},
		{"abc", "rs:abc", false}, // another controller's hash is of another kind
		{"", "", false},
	} {
		if have := SameRevision(c.have, c.meant); have != c.same {
			t.Errorf("%q, %q: %t", c.have, c.meant, have)
		}
	}
}
