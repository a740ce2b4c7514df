package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

// DefaultTimeout of one request.
const DefaultTimeout = 5 * time.Second

// Options of a Provider.
type Options struct {
	// Address is the base URL, http or https. A path and a query are kept: some servers have
	// their tenant there.
	Address string
	// Client sends the requests. Required.
	Client *http.Client
	// Header is sent along. It is copied.
	Header http.Header
	// Token, when set, is the bearer token; otherwise User and Password, when set, are sent. Both
	// take the place of an Authorization in Header.
	Token, User, Password string
	// Timeout of one request, default DefaultTimeout.
	Timeout time.Duration
}

// Provider asks one Prometheus server. It is safe for concurrent use.
type Provider struct {
	endpoint url.URL
	header   http.Header
	host     string
	client   *http.Client
	timeout  time.Duration
}

var _ providers.Provider = (*Provider)(nil)

// New checks the options and makes a Provider. It does not connect.
func New(o Options) (*Provider, error) {
	if o.Address == "" {
		return nil, errors.New("no address: set the URL of a Prometheus server, such as http://prometheus.monitoring:9090")
	}
	base, err := url.Parse(o.Address)
	if err != nil {
		return nil, errors.New("the address is not a URL: it must look like http://prometheus.monitoring:9090")
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("the address must begin with http:// or https:// and name a host, such as http://prometheus.monitoring:9090")
	}
	p := &Provider{endpoint: *base.JoinPath("api/v1/query"), header: http.Header{}, client: o.Client, timeout: o.Timeout}
	// A copy, since the template it comes from is shared with every other check.
	for name, values := range o.Header {
		if strings.EqualFold(name, "Host") && len(values) > 0 {
			p.host = values[len(values)-1]
			continue
		}
		for _, v := range values {
			p.header.Add(name, v)
		}
	}
	switch {
	case o.Token != "":
		p.header.Set("Authorization", "Bearer "+o.Token)
	case o.User != "" || o.Password != "":
		auth := http.Request{Header: http.Header{}}
		auth.SetBasicAuth(o.User, o.Password)
		p.header.Set("Authorization", auth.Header.Get("Authorization"))
	}
	if p.header.Get("User-Agent") == "" {
		p.header.Set("User-Agent", "canary-agent")
	}
	if p.timeout <= 0 {
		p.timeout = DefaultTimeout
	}
	return p, nil
}

// Query asks for the value of a PromQL expression now.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(parent, p.timeout)
	defer cancel()
	u := p.endpoint
	params := u.Query()
	params.Set("query", query)
	u.RawQuery = params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, fmt.Errorf("cannot make a request to %s: %w", p.where(), egress.Cause(err))
	}
	req.Header = p.header.Clone()
	req.Host = p.host
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, p.failed(parent, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, queries.MaxAnswer+1))
	if err != nil {
		return 0, p.failed(parent, err)
	}
	if len(body) > queries.MaxAnswer {
		return 0, fmt.Errorf("%s answered with more than %d bytes: the query must return one value, wrap it in sum()", p.where(), queries.MaxAnswer)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, p.refused(resp, body)
	}
	return queries.Value(body, egress.FirstLine)
}

// Ping asks for a constant.
func (p *Provider) Ping(ctx context.Context) error {
	v, err := p.Query(ctx, "vector(1)")
	if err == nil && v != 1 {
		err = fmt.Errorf("%s answered %v to vector(1): it is not a Prometheus server", p.where(), v)
	}
	return err
}

// where is the address without what may be secret.
func (p *Provider) where() string { return egress.Redact(p.endpoint.String()) }

// failed is the error of a request that was not answered.
func (p *Provider) failed(parent context.Context, err error) error {
	cause := egress.Cause(err)
	err = fmt.Errorf("%s cannot be reached: %w", p.where(), cause)
	switch {
	case parent.Err() != nil:
		return fmt.Errorf("%s had not answered when the check ended: %w", p.where(), parent.Err())
	case errors.Is(cause, context.DeadlineExceeded):
		return &providers.UnavailableError{Err: fmt.Errorf("%s did not answer within %s: %w", p.where(), p.timeout, context.DeadlineExceeded)}
	}
	if _, ok := errors.AsType[*egress.BlockedError](cause); ok {
		return err // it would be refused again
	}
	return &providers.UnavailableError{Err: err}
}

// refused is the error of a request that was answered with a status other than 200.
func (p *Provider) refused(resp *http.Response, body []byte) error {
	message := egress.FirstLine(string(body))
	if said := queries.ErrorIn(body, egress.FirstLine); said != "" {
		message = said
	}
	err := fmt.Errorf("%s answered %s", p.where(), egress.FirstLine(resp.Status))
	if message != "" {
		err = fmt.Errorf("%w: %s", err, message)
	}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("%w: redirects are not followed, set the final address", err)
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return err // the query failed, and would again
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
		return &providers.UnavailableError{Err: err}
	}
	return err
}
