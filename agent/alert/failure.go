package alert

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

// Error is an alert that did not reach one of its receivers. Neither its text nor that of its cause
// holds the path of an address or a token.
type Error struct {
	// Canary that the alert is about, as name.namespace.
	Canary string
	// Receiver is the AlertProvider or the flags of the agent, in words.
	Receiver string
	// Host that the alert was posted to; empty when it did not come to that.
	Host string
	// Status of the answer; 0 when there was none.
	Status int
	// Body is the first line of the answer, escaped; empty when it repeats the address.
	Body string
	// Err is why there was no answer; nil when there was one.
	Err error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("alert of %s to %s", e.Canary, e.Receiver)
	if e.Host != "" {
		text += " at " + e.Host
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	text = strings.TrimRight(fmt.Sprintf("%s: %d %s", text, e.Status, http.StatusText(e.Status)), " ")
	if e.Body != "" {
		text += ": " + e.Body
	}
	switch {
	case e.Status >= 300 && e.Status < 400:
		text += " (redirects are not followed: set the final address)"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden,
		e.Status == http.StatusNotFound, e.Status == http.StatusGone:
		text += " (check the address and the token of the alert provider)"
	}
	return text
}

// Unwrap returns the cause of an alert without an answer.
func (e *Error) Unwrap() error { return e.Err }

// said is an error with a text that is fit to be shown.
type said struct {
	text string
	error
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.error }

// secrets are the parts of a request that must not be repeated.
type secrets []string

// shortestSecret is the length from which a part of an address is one: shorter ones, such as v1,
// guard nothing and turn up in any text.
const shortestSecret = 4

func secretsOf(d Destination) secrets {
	var s secrets
	add := func(parts ...string) {
		for _, p := range parts {
			if len(p) >= shortestSecret {
				s = append(s, strings.ToLower(p))
			}
		}
	}
	add(d.Token)
	for _, address := range []string{d.Address, d.Proxy} {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		add(strings.Split(u.Path, "/")...)
		add(strings.Split(u.EscapedPath(), "/")...)
		add(u.RawQuery, u.Fragment)
		for _, values := range u.Query() {
			add(values...)
		}
		if u.User != nil {
			password, _ := u.User.Password()
			add(u.User.Username(), password)
		}
	}
	return s
}

// in says whether a text repeats a secret.
func (s secrets) in(text string) bool {
	text = strings.ToLower(text)
	for _, secret := range s {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

// line is the first line of an answer, unless it repeats a secret: servers like to quote the path
// that they do not know. An answer longer than maxBody is a page rather than a message.
func (s secrets) line(body []byte) string {
	if len(body) > maxBody || s.in(string(body)) {
		return ""
	}
	return egress.FirstLine(string(body))
}

// cause is why a request failed, in one line: servers and proxies have a say in it.
func (s secrets) cause(err error) error {
	err = egress.Cause(err)
	if blocked, ok := errors.AsType[*egress.BlockedError](err); ok {
		return blocked
	}
	text := egress.FirstLine(err.Error())
	if s.in(err.Error()) {
		text = "the request failed for a reason that is not shown, since it repeats the address"
	}
	return said{text, err}
}
