package agent

import (
	"errors"
	"flag"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/alert"
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

// noAlerts empties the environment that alerts are set by.
func noAlerts(t *testing.T) {
	t.Helper()
	for _, name := range []string{"SLACK_URL", "SLACK_TOKEN", "SLACK_PROXY_URL", "MSTEAMS_URL", "MSTEAMS_PROXY_URL"} {
		t.Setenv(name, "")
	}
}

func TestAlertFlags(t *testing.T) {
	general := alert.Destination{Type: "slack", Address: "https://hooks.example/a", Channel: "general", Username: "flagger"}
	teams := alert.Destination{Type: "msteams", Address: "https://teams.example/t"}
	tests := map[string]struct {
		args []string
		env  map[string]string
		want *alert.Destination
	}{
		"none":   {nil, nil, nil},
		"slack":  {[]string{"-slack-url=https://hooks.example/a"}, nil, &general},
		"teams":  {[]string{"-msteams-url=https://teams.example/t"}, nil, &teams},
		"both":   {[]string{"-slack-url=https://hooks.example/a", "-msteams-url=https://teams.example/t"}, nil, &teams},
		"by env": {nil, map[string]string{"MSTEAMS_URL": "https://teams.example/t\n"}, &teams},
		"no url": {[]string{"-slack-channel=x", "-slack-user=y"}, map[string]string{"SLACK_TOKEN": "t"}, nil},
		"all set": {[]string{"-slack-url=https://old.example", "-slack-channel=c", "-slack-user=u", "-slack-token=old", "-slack-proxy-url=http://old.example"},
			map[string]string{"SLACK_URL": "https://hooks.example/a", "SLACK_TOKEN": "t", "SLACK_PROXY_URL": "http://proxy.example"},
			&alert.Destination{Type: "slack", Address: "https://hooks.example/a", Channel: "c", Username: "u", Token: "t", Proxy: "http://proxy.example"}},
		"teams' proxy": {[]string{"-msteams-url=https://teams.example/t", "-msteams-proxy-url=http://old.example"},
			map[string]string{"MSTEAMS_PROXY_URL": "http://proxy.example"},
			&alert.Destination{Type: "msteams", Address: "https://teams.example/t", Proxy: "http://proxy.example"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			noAlerts(t)
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			o, err := ParseFlags(append(tt.args, "-cluster-name=blue"), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(o.Alerts, tt.want) || o.ClusterName != "blue" {
				t.Errorf("got %#v, want %#v", o.Alerts, tt.want)
			}
		})
	}
}

// The reference needs a channel and says nothing to anybody without one.
func TestGotchaF6SlackFlagsWithoutChannel(t *testing.T) {
	noAlerts(t)
	for _, args := range [][]string{{"-slack-url=https://hooks.example/a"}, {"-slack-url=https://hooks.example/a", "-slack-channel="}} {
		o, err := ParseFlags(args, io.Discard)
		if err != nil || o.Alerts == nil {
			t.Fatalf("%v: %v, %v", args, o.Alerts, err)
		}
		body, _, err := alert.Render(*o.Alerts, alert.Alert{Message: "x"})
		if err != nil || !strings.Contains(string(body), `"channel":"general"`) {
			t.Errorf("%v: %s, %v", args, body, err)
		}
	}
}

func TestBadAlertFlagsAreNamedButNotRepeated(t *testing.T) {
	noAlerts(t)
	for arg, want := range map[string]string{
		"-slack-url=hooks/S3CR":                  "-slack-url or -slack-proxy-url, or the environment for them: address: not an absolute URL",
		"-msteams-url=ftp://h/S3CR":              "-msteams-url or -msteams-proxy-url, or the environment for them: address: ",
		"-slack-url=https://h/a\n-slack-token=x": "address: ",
	} {
		_, err := ParseFlags([]string{arg}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3CR") {
			t.Errorf("%q: %v", arg, err)
		}
	}
	_, err := ParseFlags([]string{"-slack-url=https://h/a", "-slack-proxy-url=S3CR"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "proxy: not an absolute URL") || strings.Contains(err.Error(), "S3CR") {
		t.Errorf("proxy: %v", err)
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
