package webhook

import (
	"net/http"
	"strconv"
	"time"
)

const (
	firstWait = time.Second
	lastWait  = 30 * time.Second
	// longestWait is what a server may ask for at most: a run must not stand still for a day
	// because of one header.
	longestWait = 5 * time.Minute
)

// backoff is the wait after an attempt, counted from 1: 1 s, 2 s, 4 s, up to 30 s.
func backoff(attempt int) time.Duration {
	wait := firstWait
	for range attempt - 1 {
		if wait *= 2; wait >= lastWait {
			return lastWait
		}
	}
	return wait
}

// waitAfter says how long to wait before trying an answer without success again, or never.
func (c *Caller) waitAfter(resp *http.Response) time.Duration {
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusServiceUnavailable:
		if wait, ok := c.retryAfter(resp.Header.Get("Retry-After")); ok {
			return wait
		}
		return byBackoff
	case resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
		return byBackoff
	}
	return never
}

// retryAfter reads seconds or a date.
func (c *Caller) retryAfter(header string) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestWait), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(c.now()), 0), longestWait), true
	}
	return 0, false
}
