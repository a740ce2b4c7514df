package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// podcli does podinfo's "podcli check http|tcp ADDRESS". In a pod, localhost is
// the pod; here, where pods share a network namespace, it means the pod's IP.
func podcli(args []string, podIP string) error {
	if len(args) < 3 || args[0] != "check" {
		return errors.New("usage: podcli check http|tcp ADDRESS")
	}
	kind, target := args[1], args[2]
	switch kind {
	case "http":
		if !strings.Contains(target, "://") {
			target = "http://" + target
		}
		u, err := url.Parse(target)
		if err != nil {
			return fmt.Errorf("podcli check http: %w", err)
		}
		u.Host = inPod(u.Host, podIP)
		client := http.Client{Timeout: time.Second}
		res, err := client.Get(u.String())
		if err != nil {
			return fmt.Errorf("podcli check http: %w", err)
		}
		_ = res.Body.Close()
		if res.StatusCode < 200 || res.StatusCode > 399 {
			return fmt.Errorf("podcli check http %s: status %d", u, res.StatusCode)
		}
		return nil
	case "tcp":
		conn, err := net.DialTimeout("tcp", inPod(target, podIP), time.Second)
		if err != nil {
			return fmt.Errorf("podcli check tcp: %w", err)
		}
		return conn.Close()
	}
	return fmt.Errorf("podcli check %s: want http or tcp", kind)
}

func inPod(hostport, podIP string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || podIP == "" || (host != "localhost" && host != "127.0.0.1") {
		return hostport
	}
	return net.JoinHostPort(podIP, port)
}
