package agent

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFlags(t *testing.T) {
	t.Setenv("BIND_ADDRESS", "")
	o, err := ParseFlags(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Provider != "istio" || o.Address != ":8080" || o.DrainDelay != 3*time.Second || !o.LeaderElection ||
		!slices.Equal(o.SelectorLabels, []string{"app", "name", "app.kubernetes.io/name"}) {
		t.Errorf("defaults %+v", o)
	}
	// As in the Deployment of the controller that is replaced: one dash or two.
	o, err = ParseFlags([]string{"-mesh-provider=traefik", "--metrics-server=http://p:9090", "-include-label-prefix=a, b", "-port=9000"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Provider != "traefik" || o.MetricsServer != "http://p:9090" || !slices.Equal(o.Prefixes, []string{"a", "b"}) || o.Address != ":9000" {
		t.Errorf("options %+v", o)
	}
}

func TestParseFlagsRefuses(t *testing.T) {
	for _, tt := range []struct{ arg, want string }{
		{"run", `unexpected argument "run"`},
		{"-mesh-provider=isto", "known are"},
		{"-selector-labels=,", "name at least one label"},
		{"-allow-egress=10.0.0.1", "10.0.0.1"},
		{"-drain-delay=-1s", "-drain-delay"},
		{"-lease-duration=1s", "-lease-duration"},
		{"-jobs=0", "-jobs"},
		{"-no-such-flag", "no-such-flag"},
	} {
		if _, err := ParseFlags([]string{tt.arg}, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.arg, err, tt.want)
		}
	}
	if _, err := ParseFlags([]string{"-help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
}
