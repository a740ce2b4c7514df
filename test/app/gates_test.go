package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestGates has the endpoints answer as the load tester's do, code and body.
func TestGates(t *testing.T) {
	_, srv := start(t, nil)
	const app, other = `{"name":"app","namespace":"test","phase":"Progressing"}`, `{"name":"app","namespace":"shop"}`
	for i, step := range []struct {
		path, payload string
		code          int
		body          string
	}{
		{"/gate/approve", "", 200, "OK"},
		{"/gate/halt", "", 403, "Forbidden"},
		{"/gate/check", app, 403, "Forbidden"},
		{"/gate/open", app, 202, ""},
		{"/gate/check", app, 200, "Approved"},
		{"/gate/check", other, 403, "Forbidden"},
		{"/rollback/check", app, 403, "Forbidden"},
		{"/rollback/open", app, 202, ""},
		{"/rollback/check", app, 200, "Approved"},
		{"/gate/close", app, 202, ""},
		{"/gate/check", app, 403, "Forbidden"},
		{"/rollback/check", app, 200, "Approved"},
		{"/rollback/close", app, 202, ""},
		{"/rollback/check", app, 403, "Forbidden"},
		{"/gate/open", "not JSON", 400, ""},
		{"/gate/check", "", 400, ""},
	} {
		res, err := http.Post(srv.URL+step.path, "application/json", strings.NewReader(step.payload))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != step.code || string(body) != step.body {
			t.Errorf("step %d, %s: %d %q, want %d %q", i, step.path, res.StatusCode, body, step.code, step.body)
		}
	}
}
