package recording

import "time"

// Span is the beginning and the end of the recording.
func (p *Player) Span() (from, to time.Time) { return p.Recording().Start(), p.Recording().End() }
