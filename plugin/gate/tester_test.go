package gate

import (
	"strings"
	"testing"
)

// The address of a gate is written by whoever writes the Canary; it must not send the operator's
// request to another place of the API.
func TestHostileAddressIsNotAsked(t *testing.T) {
	for _, address := range []string{
		"http://tester.test/../../../../../../apis/apps/v1/gate/check",
		"http://tester.test/%2e%2e/%2e%2e/gate/check",
		"http://tester.../gate/check",
	} {
		parsed, ok := parseTester(address)
		if !ok {
			continue
		}
		if path, err := parsed.proxied("open"); err == nil {
			t.Errorf("%s leads to %s", address, path)
		}
	}
	parsed, ok := parseTester("http://tester.test/gate/check")
	if path, err := parsed.proxied("open"); !ok || err != nil || !strings.HasSuffix(path, "/services/http:tester:80/proxy/gate/open") {
		t.Errorf("have %q, %v", path, err)
	}
}
