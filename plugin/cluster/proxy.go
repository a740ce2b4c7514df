package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Service is one that is reached through the API server's proxy.
type Service struct {
	Namespace, Name string
	// Scheme is http or https; Port a number.
	Scheme, Port string
}

var (
	dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	digits   = regexp.MustCompile(`^[0-9]{1,5}$`)

	// errNoService and errDots say why an address does not lead to a Service.
	errNoService = errors.New("it is not the address of a Service of this cluster")
	errDots      = errors.New("the path of its address has dots for segments")
)

// ProxyPath is the path of the API under which a path of the Service is found. Addresses come from
// objects that others may write, and the request is made with the credentials of the user; so nothing
// of an address may lead to another place of the API than the proxy of that Service.
func (s Service) ProxyPath(path string) (string, error) {
	if !dnsLabel.MatchString(s.Name) || !dnsLabel.MatchString(s.Namespace) || !digits.MatchString(s.Port) ||
		s.Scheme != "http" && s.Scheme != "https" {
		return "", errNoService
	}
	segments := strings.Split(path, "/")
	if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
		return "", errDots
	}
	if path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return fmt.Sprintf("/api/v1/namespaces/%s/services/%s:%s:%s/proxy%s", s.Namespace, s.Scheme, s.Name, s.Port, path), nil
}
