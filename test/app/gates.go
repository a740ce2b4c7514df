package main

import (
	"encoding/json"
	"net/http"
	"sync"
)

// gates are those of a load tester: closed until opened, one for each canary and one more for each
// that ends its run. They live as long as the process.
type gates struct {
	mu   sync.Mutex
	open map[string]bool
}

// handle adds the endpoints. They answer any method, as the load tester's do.
func (g *gates) handle(mux *http.ServeMux, measured func(path string, h http.HandlerFunc) http.Handler) {
	mux.Handle("/gate/approve", measured("gate", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "OK") }))
	mux.Handle("/gate/halt", measured("gate", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusForbidden, "Forbidden") }))
	for family, prefix := range map[string]string{"gate": "", "rollback": "rollback."} {
		mux.Handle("/"+family+"/check", measured(family, keyed(prefix, g.check)))
		mux.Handle("/"+family+"/open", measured(family, keyed(prefix, func(w http.ResponseWriter, key string) { g.set(w, key, true) })))
		mux.Handle("/"+family+"/close", measured(family, keyed(prefix, func(w http.ResponseWriter, key string) { g.set(w, key, false) })))
	}
}

// keyed reads the canary from the payload of the webhook.
func keyed(prefix string, h func(w http.ResponseWriter, key string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var payload struct{ Name, Namespace string }
		if err := json.NewDecoder(r.Body).Decode(&payload); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h(w, prefix+payload.Name+"."+payload.Namespace)
	}
}

func (g *gates) check(w http.ResponseWriter, key string) {
	g.mu.Lock()
	open := g.open[key]
	g.mu.Unlock()
	if open {
		text(w, http.StatusOK, "Approved")
		return
	}
	text(w, http.StatusForbidden, "Forbidden")
}

func (g *gates) set(w http.ResponseWriter, key string, open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[key] = open
	w.WriteHeader(http.StatusAccepted)
}

func text(w http.ResponseWriter, code int, body string) {
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body)) // the client is gone if it fails
}
