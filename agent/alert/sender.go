package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// postTimeout is how long a chat system has to answer, the second try included.
	postTimeout = 5 * time.Second
	// lookupTimeout is how long the AlertProvider and its Secret may take to be read.
	lookupTimeout = 5 * time.Second
	// retryWait is the time before the one second try.
	retryWait = 500 * time.Millisecond
	// maxBody is how many bytes of an answer are read; one line of it is shown.
	maxBody = 4 << 10
)

// HTTP makes the clients that alerts go through, and judges addresses; *egress.Guard does.
type HTTP interface {
	Client(insecureSkipVerify bool) *http.Client
	Check(target netip.AddrPort) error
}

var _ HTTP = (*egress.Guard)(nil)

// Sender sends alerts. It is safe for concurrent use; the fields must not change after the first
// alert.
type Sender struct {
	// HTTP makes the clients. Required.
	HTTP HTTP
	// Objects reads alert providers and secrets. Required.
	Objects Objects
	// NoCrossNamespaceRefs refuses alert providers of other namespaces. It is checked at each alert,
	// so that no edit of a canary gets around it.
	NoCrossNamespaceRefs bool
	// Global gets every alert of the canaries without spec.analysis.alerts. Default nobody.
	Global *Destination
	// Cluster is the name of the cluster in alerts. Default none.
	Cluster string
	// Provider is the traffic provider of canaries that name none.
	Provider string
	// Timeout is how long a chat system has to answer. Default 5 s.
	Timeout time.Duration
}

// Fields are those of an alert that introduces a run of the canary.
func (s *Sender) Fields(c *v1beta1.Canary) []Field { return Fields(c, s.Provider, s.Cluster) }

// Send sends an alert to everybody who wants it: the providers in spec.analysis.alerts whose
// severity it reaches, each of them once, or Global when the canary names none. It returns an
// *Error for each receiver that did not get it; they do not keep each other waiting.
//
// Send blocks for up to 10 s, or until the context ends, and belongs behind a queue. A request that
// was not answered is not sent again, since the chat may have shown it; only a connection that
// could not be made is tried once more.
func (s *Sender) Send(ctx context.Context, c *v1beta1.Canary, a Alert) []error {
	a.Name, a.Namespace = c.Name, c.Namespace
	a = a.inCluster(s.Cluster)
	receivers := s.receivers(c, a.Severity)
	errs := make([]error, len(receivers))
	var wg sync.WaitGroup
	for i, r := range receivers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = &Error{Canary: a.subject(), Receiver: r.name, Err: errors.New("sending broke down, which is a fault of the agent")}
				}
			}()
			if failure := s.deliver(ctx, r, a); failure != nil {
				failure.Canary, failure.Receiver = a.subject(), r.name
				errs[i] = failure
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// deliver finds out where to, and posts.
func (s *Sender) deliver(ctx context.Context, r receiver, a Alert) *Error {
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	to, err := r.resolve(lookup)
	if err == nil {
		err = to.Validate()
	}
	if err != nil {
		return &Error{Err: err}
	}
	return s.post(ctx, to, a)
}

func (s *Sender) post(ctx context.Context, to Destination, a Alert) *Error {
	failure := &Error{}
	target, err := to.target()
	if err != nil {
		failure.Err = err
		return failure
	}
	failure.Host = egress.FirstLine(target.Host)
	body, header, err := Render(to, a)
	if err != nil {
		failure.Err = err
		return failure
	}
	client := s.HTTP.Client(false)
	if proxy, err := to.proxy(); err != nil {
		failure.Err = err
		return failure
	} else if proxy != nil {
		if client, err = throughProxy(s.HTTP.Check, proxy, target); err != nil {
			failure.Err = err
			return failure
		}
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = postTimeout
	}
	attempts, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	hidden := secretsOf(to)
	resp, err := try(attempts, client, target.String(), header, body)
	if err != nil {
		failure.Err = hidden.cause(err)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			failure.Err = said{fmt.Sprintf("no answer within %s", timeout), context.DeadlineExceeded}
		}
		return failure
	}
	defer resp.Body.Close()
	// What cannot be read of an answer is no loss: the status is known.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	failure.Status = resp.StatusCode
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		refusal, refused := slackRefusal(to.Type, answer)
		if !refused {
			return nil
		}
		answer = []byte(refusal)
	}
	failure.Body = hidden.line(answer)
	return failure
}

// try makes the request, twice when the first connection fails.
func try(ctx context.Context, client *http.Client, address string, header http.Header, body []byte) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header = header.Clone()
		resp, err := client.Do(req)
		if err == nil || attempt == 2 || !neverSent(err) {
			return resp, err
		}
		timer := time.NewTimer(retryWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		case <-timer.C:
		}
	}
}

// neverSent says whether a request failed because there was no connection, for a reason that may
// pass.
func neverSent(err error) bool {
	var blocked *egress.BlockedError
	var op *net.OpError
	return !errors.As(err, &blocked) && errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// slackRefusal reads the answer of Slack's API, which is the receiver when there is a token: it
// refuses with status 200. The answer of a webhook is no JSON.
func slackRefusal(t v1beta1.AlertProviderType, answer []byte) (reason string, refused bool) {
	var verdict struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if t != v1beta1.AlertProviderSlack || json.Unmarshal(answer, &verdict) != nil || verdict.OK == nil || *verdict.OK {
		return "", false
	}
	return "refused: " + verdict.Error, true
}
