package feed

// queue holds updates that the reader has not taken yet. A newer view of a canary takes the place
// of the older one; so does a newer word on the connection.
type queue struct {
	order   []string
	updates map[string]Update
}

func (q *queue) push(u Update) {
	if q.updates == nil {
		q.updates = map[string]Update{}
	}
	key := queueKey(u)
	if _, waiting := q.updates[key]; !waiting {
		q.order = append(q.order, key)
	}
	q.updates[key] = u
}

func (q *queue) head() Update {
	if len(q.order) == 0 {
		return nil
	}
	return q.updates[q.order[0]]
}

func (q *queue) pop() {
	delete(q.updates, q.order[0])
	q.order = q.order[1:]
}

func queueKey(u Update) string {
	switch u := u.(type) {
	case Canary:
		return "canary/" + u.View.Key()
	case Gone:
		return "canary/" + u.Namespace + "/" + u.Name
	case Stale, Fresh:
		return "connection"
	case Alive:
		return "alive"
	}
	return "synced"
}
