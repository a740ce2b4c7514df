package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestEndingServerSendsClientsAway(t *testing.T) {
	s, srv := start(t, nil)
	ask := func() *http.Response {
		res, err := http.Get(srv.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	if ask().Close {
		t.Error("a running server closes connections")
	}
	s.ending.Store(true)
	if res := ask(); !res.Close || res.StatusCode != http.StatusOK {
		t.Errorf("an ending server: status %d, close %v", res.StatusCode, res.Close)
	}
}

func TestUnknownPathsHaveNoSeries(t *testing.T) {
	s, _ := start(t, nil)
	h := s.handler()
	for _, p := range []string{"/a", "/b", "/status/401", "/status/402"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", p, nil))
	}
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "path" && l.GetValue() != "status" {
					t.Errorf("path label %q", l.GetValue())
				}
			}
		}
	}
}
