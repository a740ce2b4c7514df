package view

// Runs are the run under way, if there is one, and the finished ones that the status keeps, newest
// first.
func (c Canary) Runs() []Run {
	if c.Run != nil && c.Run.Outcome == "" {
		return append([]Run{c.current()}, c.History...)
	}
	return c.History
}

// current is the run under way, with what only its steps tell.
func (c Canary) current() Run {
	r := *c.Run
	for _, s := range c.Steps {
		if s.State != "Pending" {
			r.MaxWeight = max(r.MaxWeight, s.Weight)
		}
	}
	return r
}
