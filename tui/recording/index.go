package recording

// index finds out which entries each channel plays.
func (r *Recording) index() {
	r.detail, r.live = map[canaryKey][]int32{}, map[canaryKey][]int32{}
	r.indexFleet()
	r.indexDetail()
	for i := range r.entries {
		if e := &r.entries[i]; e.from == fromLive && e.kind == kindLive {
			r.live[e.key()] = append(r.live[e.key()], int32(i))
		}
	}
}

// indexFleet lists the updates of the fleet. Of a recording of single canaries those are the fleet.
func (r *Recording) indexFleet() {
	from := fromDetail
	for i := range r.entries {
		if e := &r.entries[i]; e.from == fromFleet && e.kind != kindOpened && e.kind != kindClosed {
			from = fromFleet
			break
		}
	}
	for i := range r.entries {
		if e := &r.entries[i]; e.from == from && e.kind != kindOpened && e.kind != kindClosed {
			r.fleet = append(r.fleet, int32(i))
		}
	}
}

// watched is how much is known of a canary at some point of the file.
type watched struct {
	open      int  // channels
	delivered bool // the open channel has reported a state
}

// indexDetail lists the updates of each canary: those of its own channel while somebody had it open,
// otherwise those of the fleet.
func (r *Recording) indexDetail() {
	state := map[canaryKey]*watched{}
	var order []canaryKey
	of := func(key canaryKey) *watched {
		if state[key] == nil {
			state[key] = &watched{}
			order = append(order, key)
		}
		return state[key]
	}
	var common []int32 // Of the fleet, about no canary, before the first entry about one.
	for n := range r.entries {
		e, i := &r.entries[n], int32(n)
		switch {
		case e.from == fromDetail:
			w := of(e.key())
			switch e.kind {
			case kindOpened:
				w.open++
			case kindClosed:
				if w.open = max(0, w.open-1); w.open == 0 {
					w.delivered = false
				}
			default:
				w.delivered = w.delivered || e.kind == kindCanary
				r.detail[e.key()] = append(r.detail[e.key()], i)
			}
		case e.from != fromFleet || e.kind == kindOpened || e.kind == kindClosed:
		case e.kind == kindCanary || e.kind == kindGone:
			if w := of(e.key()); w.open == 0 || !w.delivered {
				if r.detail[e.key()] == nil {
					r.detail[e.key()] = append([]int32(nil), common...)
				}
				r.detail[e.key()] = append(r.detail[e.key()], i)
			}
		default:
			common = keepLast(r, common, i)
			if e.kind == kindAlive {
				continue // A thousand canaries times every second would be a lot to remember.
			}
			for _, key := range order {
				if w := state[key]; w.open == 0 {
					r.detail[key] = append(r.detail[key], i)
				}
			}
		}
	}
}

// keepLast keeps the last entry of each kind.
func keepLast(r *Recording, list []int32, i int32) []int32 {
	for n, have := range list {
		if r.entries[have].kind == r.entries[i].kind {
			list = append(list[:n:n], list[n+1:]...)
			break
		}
	}
	return append(list, i)
}
