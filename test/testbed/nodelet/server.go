package nodelet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// serve starts the part of the kubelet API that kubectl logs needs. The API
// server has to be started without a CA for kubelets, as the certificate signs
// itself.
func (n *Nodelet) serve() (stop func(), err error) {
	addr := net.JoinHostPort(n.cfg.NodeIP, strconv.Itoa(n.cfg.KubeletPort))
	cert, err := selfSigned(n.cfg.NodeIP)
	if err != nil {
		return nil, fmt.Errorf("nodelet: make a certificate for %s: %w", addr, err)
	}
	listener, err := tls.Listen("tcp", addr, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, fmt.Errorf("nodelet: serve the kubelet API on %s: %w (the address has to be local: is this the testbed's network namespace?)", addr, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	srv := &http.Server{
		Handler: n.handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("the kubelet API has ended", "error", err)
		}
	}()
	return func() { cancel(); _ = srv.Close() }, nil
}

func (n *Nodelet) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLogs)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("the nodelet serves logs only, not %s", r.URL.Path), http.StatusNotImplemented)
	})
	return mux
}

func (n *Nodelet) serveLogs(w http.ResponseWriter, r *http.Request) {
	namespace, name, containerName := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	query, err := parseLogQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := n.find(namespace, name)
	if p == nil {
		http.Error(w, fmt.Sprintf("pod %s/%s does not exist on node %s", namespace, name, n.cfg.NodeName), http.StatusNotFound)
		return
	}
	log, err := p.findLog(containerName, r.URL.Query().Get("previous") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	flush := func() {}
	if f, ok := w.(http.Flusher); ok && query.follow {
		flush = f.Flush
	}
	if err := log.copyTo(r.Context(), w, query, flush); err != nil && r.Context().Err() == nil {
		n.log.Warn("log not served", "pod", namespace+"/"+name, "container", containerName, "error", err)
	}
}

func (p *pod) findLog(name string, previous bool) (*logFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.containers {
		if c.spec.Name != name {
			continue
		}
		log := c.log
		if previous {
			// While it waits to be started again, the run before is the last one.
			log = c.previous
			if c.process == nil && c.state.Waiting != nil {
				log = c.log
			}
		}
		switch {
		case log == nil && previous:
			return nil, fmt.Errorf("previous terminated container %q in pod %q not found", name, p.name)
		case log == nil:
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, p.name, waitingReason(c))
		}
		return log, nil
	}
	return nil, fmt.Errorf("container %s is not valid for pod %s", name, p.name)
}

func waitingReason(c *container) string {
	if c.state.Waiting != nil {
		return c.state.Waiting.Reason
	}
	return reasonCreating
}

func parseLogQuery(v url.Values) (logQuery, error) {
	q := logQuery{follow: v.Get("follow") == "true", timestamps: v.Get("timestamps") == "true", tail: -1}
	var err error
	if s := v.Get("tailLines"); s != "" {
		if q.tail, err = strconv.ParseInt(s, 10, 64); err != nil || q.tail < 0 {
			return q, fmt.Errorf("tailLines=%q: want a number of lines", s)
		}
	}
	if s := v.Get("limitBytes"); s != "" {
		if q.limit, err = strconv.ParseInt(s, 10, 64); err != nil || q.limit < 1 {
			return q, fmt.Errorf("limitBytes=%q: want a number of bytes", s)
		}
	}
	if s := v.Get("sinceSeconds"); s != "" {
		secs, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return q, fmt.Errorf("sinceSeconds=%q: want a number of seconds", s)
		}
		q.since = time.Now().Add(-time.Duration(secs) * time.Second)
	}
	if s := v.Get("sinceTime"); s != "" {
		if q.since, err = time.Parse(time.RFC3339, s); err != nil {
			return q, fmt.Errorf("sinceTime=%q: want a time like 2006-01-02T15:04:05Z", s)
		}
	}
	return q, nil
}

func selfSigned(ip string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "nodelet"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.ParseIP(ip)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
