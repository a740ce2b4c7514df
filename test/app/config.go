package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// config is what the environment and the flags ask for.
type config struct {
	version       string
	errorRate     float64
	latencyMin    time.Duration
	latencyMax    time.Duration
	startDelay    time.Duration
	readyDelay    time.Duration
	unready       bool
	crash         bool
	crashAfter    time.Duration
	shutdownDelay time.Duration
	address, port string
}

func readConfig(args []string, getenv func(string) string) (config, error) {
	tag := getenv("IMAGE_TAG")
	c := config{version: first(getenv("VERSION"), tag, "unknown"), address: getenv("BIND_ADDRESS"), port: first(getenv("PORT"), "9898")}
	for _, a := range args {
		if p, ok := strings.CutPrefix(a, "--port="); ok && getenv("PORT") == "" {
			c.port = p
		}
	}
	byTag := func(part, value string) string {
		if strings.Contains(tag, part) {
			return value
		}
		return ""
	}
	c.crash = strings.Contains(tag, "-crash") && getenv("CRASH_AFTER") == ""
	var err error
	if c.errorRate, err = strconv.ParseFloat(first(getenv("ERROR_RATE"), byTag("-bad", "1"), "0"), 64); err != nil || !(c.errorRate >= 0 && c.errorRate <= 1) {
		return c, fmt.Errorf("ERROR_RATE=%q: want a number from 0 to 1", getenv("ERROR_RATE"))
	}
	if c.latencyMin, c.latencyMax, err = parseLatency(first(getenv("LATENCY"), byTag("-slow", "1s"), "0s")); err != nil {
		return c, err
	}
	for name, to := range map[string]*time.Duration{
		"START_DELAY": &c.startDelay, "READY_DELAY": &c.readyDelay, "CRASH_AFTER": &c.crashAfter, "SHUTDOWN_DELAY": &c.shutdownDelay,
	} {
		value := getenv(name)
		if value == "" && name == "SHUTDOWN_DELAY" {
			value = "1s"
		}
		if value == "" {
			continue
		}
		if *to, err = time.ParseDuration(value); err != nil || *to < 0 {
			return c, fmt.Errorf("%s=%q: want a duration such as 500ms or 2s", name, value)
		}
	}
	if v := getenv("CRASH_AFTER"); v != "" && c.crashAfter == 0 {
		c.crash = true
	}
	if v := getenv("UNREADY"); v != "" {
		if c.unready, err = strconv.ParseBool(v); err != nil {
			return c, fmt.Errorf("UNREADY=%q: want true or false", v)
		}
	}
	return c, nil
}

// parseLatency reads "20ms" or "10ms..50ms".
func parseLatency(s string) (lo, hi time.Duration, err error) {
	a, b, isRange := strings.Cut(s, "..")
	if !isRange {
		b = a
	}
	lo, err1 := time.ParseDuration(a)
	hi, err2 := time.ParseDuration(b)
	if err1 != nil || err2 != nil || lo < 0 || hi < lo {
		return 0, 0, fmt.Errorf("LATENCY=%q: want a duration such as 20ms or a range such as 10ms..50ms", s)
	}
	return lo, hi, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
