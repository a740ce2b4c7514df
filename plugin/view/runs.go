package view

// Runs are the run under way, if there is one, and the finished ones that the status keeps, newest
// first.
func (c Canary) Runs() []Run {
	switch {
	case c.Run == nil:
	case c.Run.Outcome == "":
		return append([]Run{c.current()}, c.History...)
	case len(c.History) == 0: // it ended before there was a history
		return []Run{c.current()}
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
