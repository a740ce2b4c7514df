package clustertest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// podLog is what a container has written.
type podLog struct {
	lines []string
	ended bool
}

// Log appends lines to the log of a container. Each begins with its time in RFC 3339 and a space, as
// the API server gives them with timestamps=true.
func (s *Server) Log(namespace, pod, container string, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logOf(namespace, pod, container).lines = append(s.logOf(namespace, pod, container).lines, lines...)
	s.changed.Broadcast()
}

// EndLog ends the log of a container, as its exit does: who follows it comes to the end.
func (s *Server) EndLog(namespace, pod, container string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logOf(namespace, pod, container).ended = true
	s.changed.Broadcast()
}

func (s *Server) logOf(namespace, pod, container string) *podLog {
	if s.logs == nil {
		s.logs = map[string]*podLog{}
	}
	key := namespace + "/" + pod + "/" + container
	if s.logs[key] == nil {
		s.logs[key] = &podLog{}
	}
	return s.logs[key]
}

// serveLog answers GET …/pods/NAME/log. The lock is held except while waiting.
func (s *Server) serveLog(w http.ResponseWriter, r *http.Request, t target) {
	if message, denied := s.deny["get/pods/log"]; denied {
		writeStatus(w, http.StatusForbidden, "Forbidden", message, t)
		return
	}
	query := r.URL.Query()
	log, ok := s.logs[t.namespace+"/"+t.name+"/"+query.Get("container")]
	if !ok {
		writeStatus(w, http.StatusNotFound, "NotFound", fmt.Sprintf("pods %q not found", t.name), t)
		return
	}
	next := 0
	if tail, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		next = max(0, len(log.lines)-tail)
	}
	since, err := time.Parse(time.RFC3339, query.Get("sinceTime"))
	w.WriteHeader(http.StatusOK)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	stop := make(chan struct{})
	defer close(stop)
	go s.wakeWhenGone(r, stop)
	for cut := s.cut; ; s.changed.Wait() {
		for ; next < len(log.lines); next++ {
			line := log.lines[next]
			stamp, text, _ := strings.Cut(line, " ")
			if at, bad := time.Parse(time.RFC3339Nano, stamp); err == nil && bad == nil && at.Before(since) {
				continue
			}
			if query.Get("timestamps") != "true" {
				line = text
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return
			}
		}
		flush()
		if query.Get("follow") != "true" || log.ended || s.closed || s.cut != cut || r.Context().Err() != nil {
			return
		}
	}
}

// wakeWhenGone lets a handler that waits see that its client has left.
func (s *Server) wakeWhenGone(r *http.Request, stop <-chan struct{}) {
	select {
	case <-r.Context().Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	case <-stop:
	}
}
