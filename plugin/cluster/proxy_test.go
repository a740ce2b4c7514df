package cluster

import (
	"strings"
	"testing"
)

// Whoever writes an address must not choose which part of the API the user's credentials reach.
func TestProxyPathLeadsToItsServiceOnly(t *testing.T) {
	good := Service{Namespace: "test", Name: "tester", Scheme: "http", Port: "80"}
	have, err := good.ProxyPath("/gate/open")
	if want := "/api/v1/namespaces/test/services/http:tester:80/proxy/gate/open"; err != nil || have != want {
		t.Errorf("have %q, %v; want %q", have, err, want)
	}
	for _, path := range []string{"/../../../secrets", "/a/../../b", "/./x", "..", "/a/.."} {
		if have, err := good.ProxyPath(path); err == nil {
			t.Errorf("path %q leads to %q", path, have)
		}
	}
	for _, s := range []Service{
		{Namespace: "..", Name: "tester", Scheme: "http", Port: "80"},
		{Namespace: "test", Name: "a/b", Scheme: "http", Port: "80"},
		{Namespace: "", Name: "tester", Scheme: "http", Port: "80"},
		{Namespace: "test", Name: strings.Repeat("a", 64), Scheme: "http", Port: "80"},
		{Namespace: "test", Name: "tester", Scheme: "ftp", Port: "80"},
		{Namespace: "test", Name: "tester", Scheme: "http", Port: "80/../x"},
	} {
		if have, err := s.ProxyPath("/"); err == nil {
			t.Errorf("%+v leads to %q", s, have)
		}
	}
}
