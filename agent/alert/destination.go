package alert

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Destination is where alerts are posted. Address, Proxy and Token are secrets; in a log it is its
// type and host.
type Destination struct {
	// Type of the chat system. Required.
	Type v1beta1.AlertProviderType
	// Address is the absolute http or https URL of the chat system's webhook. Required.
	Address string
	// Channel for slack, discord and rocket. Default general.
	Channel string
	// Username for slack, discord and rocket. Default flagger.
	Username string
	// Token is sent as bearer token, to slack only. Default none.
	Token string
	// Proxy is the absolute http or https URL of an HTTP proxy. Default that of the environment.
	Proxy string
}

// String says what may be said of a destination.
func (d Destination) String() string {
	u, err := parse(d.Address)
	if err != nil {
		return string(d.Type) + " at an unusable address"
	}
	return string(d.Type) + " at " + egress.FirstLine(u.Host)
}

// LogValue is String: loggers must not look inside.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Validate says whether alerts can be posted there. The error names the field and holds nothing of
// its value.
func (d Destination) Validate() error {
	if !slices.Contains(types, d.Type) {
		return unknownType(d.Type)
	}
	if _, err := d.target(); err != nil {
		return err
	}
	_, err := d.proxy()
	return err
}

// target is the URL to post to.
func (d Destination) target() (*url.URL, error) {
	u, err := parse(d.Address)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	// Discord has an endpoint of its own for messages in Slack's form.
	if d.Type == v1beta1.AlertProviderDiscord && !strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/slack") {
		u = u.JoinPath("slack")
	}
	return u, nil
}

// proxy is nil without one.
func (d Destination) proxy() (*url.URL, error) {
	if d.Proxy == "" {
		return nil, nil //nolint:nilnil // No proxy is a common and correct answer.
	}
	u, err := parse(d.Proxy)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return u, nil
}

var errAddress = errors.New("not an absolute URL such as https://host/path (its value is not shown, it may be secret)")

// parse reads an address. The reasons of package url repeat parts of it, so there is one reason.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errAddress
	}
	return u, nil
}

// types of chat systems that Render knows.
var types = []v1beta1.AlertProviderType{
	v1beta1.AlertProviderSlack, v1beta1.AlertProviderMSTeams, v1beta1.AlertProviderDiscord,
	v1beta1.AlertProviderRocket, v1beta1.AlertProviderGChat,
}

func unknownType(t v1beta1.AlertProviderType) error {
	return fmt.Errorf("type %q is not supported, these are: %q", egress.FirstLine(string(t)), types)
}
