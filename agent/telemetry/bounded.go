package telemetry

import "sync"

// otherValue stands for all values beyond the bound.
const otherValue = "other"

// bounded admits the first few values of a label and replaces all further ones.
type bounded struct {
	mu   sync.Mutex
	max  int
	seen map[string]bool
}

func newBounded(n int) *bounded {
	return &bounded{max: n, seen: map[string]bool{}}
}

func (b *bounded) admit(value string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[value] {
		return value
	}
	if len(b.seen) >= b.max {
		return otherValue
	}
	b.seen[value] = true
	return value
}
