package clusternet

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// backend answers each connection with what it read, behind its own name.
func backend(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				body, _ := io.ReadAll(conn) // until the client closes its half
				_, _ = io.WriteString(conn, name+":"+string(body))
				_ = conn.Close()
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// ask sends text and returns the answer.
func ask(address, text string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	body, err := io.ReadAll(conn)
	return string(body), err
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func newTestProxy(t *testing.T) *proxy {
	t.Helper()
	p := newProxy(t.Context(), slog.New(slog.DiscardHandler))
	t.Cleanup(p.close)
	return p
}

func TestProxyTakesTurns(t *testing.T) {
	p := newTestProxy(t)
	address := freePort(t)
	p.update(map[string][]string{address: {backend(t, "a").String(), backend(t, "b").String()}})
	count := map[string]int{}
	for range 10 {
		got, err := ask(address, "hi")
		if err != nil {
			t.Fatal(err)
		}
		count[got]++
	}
	if count["a:hi"] != 5 || count["b:hi"] != 5 {
		t.Errorf("answers %v", count)
	}
}

func TestProxySkipsDeadEndpointAndResetsWhenAllAreDead(t *testing.T) {
	p := newTestProxy(t)
	address, dead := freePort(t), freePort(t)
	p.update(map[string][]string{address: {dead, backend(t, "a").String()}})
	for range 4 {
		if got, err := ask(address, "hi"); err != nil || got != "a:hi" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	p.update(map[string][]string{address: {dead}})
	if got, err := ask(address, "hi"); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("all endpoints dead: %q, %v; want a reset", got, err)
	}
	p.update(nil)
	if _, err := ask(address, "hi"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("no endpoints: %v; want a refusal", err)
	}
}

func TestConnectionSurvivesChangeOfEndpoints(t *testing.T) {
	p := newTestProxy(t)
	address := freePort(t)
	p.update(map[string][]string{address: {backend(t, "a").String()}})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "before "); err != nil {
		t.Fatal(err)
	}
	p.update(map[string][]string{address: {backend(t, "b").String()}})
	if got, _ := ask(address, "new"); got != "b:new" {
		t.Errorf("a new connection got %q", got)
	}
	p.update(nil)
	_, _ = io.WriteString(conn, "after")
	_ = conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "a:before after" {
		t.Errorf("the old connection got %q, %v", got, err)
	}
}

func endpoint(ip string, ready, serving, terminating bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating}}
}

func slice(service, port string, number int32, eps ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: service + "-" + port, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Ports:      []discoveryv1.EndpointPort{{Name: &port, Port: &number}}, Endpoints: eps,
	}
}

func TestTargets(t *testing.T) {
	unready, ok, ending := endpoint("10.0.0.1", false, false, false), endpoint("10.0.0.2", true, true, false), endpoint("10.0.0.3", false, true, true)
	unknown := discoveryv1.Endpoint{Addresses: []string{"10.0.0.4"}}
	for _, c := range []struct {
		name string
		eps  []discoveryv1.Endpoint
		want string
	}{
		{"ready only", []discoveryv1.Endpoint{unready, ok, ending}, "10.0.0.2:80"},
		{"ending if none is ready", []discoveryv1.Endpoint{unready, ending}, "10.0.0.3:80"},
		{"unknown is ready", []discoveryv1.Endpoint{unknown}, "10.0.0.4:80"},
		{"none", []discoveryv1.Endpoint{unready}, ""},
	} {
		if got := strings.Join(portTargets([]*discoveryv1.EndpointSlice{slice("web", "http", 80, c.eps...)}, "http"), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := portTargets([]*discoveryv1.EndpointSlice{slice("web", "http", 80, ok)}, "other"); got != nil {
		t.Errorf("another port: %v", got)
	}
}

func TestRun(t *testing.T) {
	b := backend(t, "pod")
	client := fake.NewClientset(
		service("web", "127.0.0.1"), service("pods", v1.ClusterIPNone),
		slice("web", "http", int32(b.Port()), endpoint("127.0.0.1", true, true, false)),
		slice("pods", "http", 80, endpoint("127.0.0.8", true, true, false), endpoint("127.0.0.7", true, true, false), endpoint("127.0.0.9", false, false, false)),
	)
	svc := service("web", "127.0.0.1")
	address := freePort(t)
	svc.Spec.Ports[0].Port = int32(netip.MustParseAddrPort(address).Port())
	if _, err := client.CoreV1().Services("ns").Update(t.Context(), svc, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	dns := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Client: client, DNSAddr: dns, ServiceCIDR: netip.MustParsePrefix("127.0.0.0/8")})
	}()
	eventually(t, func() bool { got, _ := ask(address, "hi"); return got == "pod:hi" })

	for _, network := range []string{"udp", "tcp"} {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, dns)
		}}
		for name, want := range map[string]string{
			"web.ns.": "127.0.0.1", "web.ns.svc.": "127.0.0.1", "WEB.ns.svc.cluster.local.": "127.0.0.1",
			"pods.ns.svc.cluster.local.": "127.0.0.7 127.0.0.8",
		} {
			got, err := r.LookupHost(ctx, name)
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s by %s: %v, %v; want %s", name, network, got, err, want)
			}
		}
		for _, name := range []string{"nothing.ns.", "web.other.", "example.com.", "x.web.ns.svc.cluster.local."} {
			var e *net.DNSError
			if _, err := r.LookupHost(ctx, name); !errors.As(err, &e) || !e.IsNotFound {
				t.Errorf("%s by %s: %v; want not found", name, network, err)
			}
		}
		if ips, err := r.LookupIP(ctx, "ip6", "web.ns."); err == nil {
			t.Errorf("IPv6 of web.ns: %v", ips)
		}
	}
	if err := client.CoreV1().Services("ns").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { _, err := ask(address, "hi"); return errors.Is(err, syscall.ECONNREFUSED) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func service(name, ip string) *v1.Service {
	return &v1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: v1.ServiceSpec{
		ClusterIP: ip, ClusterIPs: []string{ip}, Ports: []v1.ServicePort{{Name: "http", Port: 80}},
	}}
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !cond() {
		select {
		case <-deadline:
			t.Fatal("not within 10s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
