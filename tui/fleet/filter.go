package fleet

import "strings"

// word is one word of a filter, in lower case.
type word struct {
	text    string
	exclude bool
}

// Filter shows only the canaries that match: all words of s, and none of those with a "!" before
// them; see the package for what they are looked for in. A "!" alone is not a word yet. The empty
// string shows all.
func (t *Table) Filter(s string) {
	if s == t.filter {
		return
	}
	t.filter, t.words, t.unfiltered = s, nil, true
	for field := range strings.FieldsSeq(strings.ToLower(s)) {
		text, exclude := strings.CutPrefix(field, "!")
		if text != "" {
			t.words = append(t.words, word{text, exclude})
		}
	}
}

// FilterText is the filter as it was given.
func (t *Table) FilterText() string { return t.filter }

func (t *Table) passes(r *row) bool {
	for _, w := range t.words {
		if r.matches(w.text) == w.exclude {
			return false
		}
	}
	return true
}
