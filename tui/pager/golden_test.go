package pager

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

var manifest = strings.Split(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  annotations:
    note: 'quoted: "yes"'
  name: app
  namespace: test
  resourceVersion: "1042"
spec:
  analysis:
    interval: 10s
    metrics:
    - interval: 1m
      name: request-success-rate
      thresholdRange:
        min: 99
    stepWeights: []
    "quoted key": https://example.test:8080/gate
    # a comment
status:
  canaryWeight: 40
  conditions:
  - message: New revision detected, progressing canary analysis.
    status: Unknown
  phase: Progressing`, "\n")

var happened = []string{
	"11:58:01  Normal   Synced      canary/app               New revision detected! Scaling up app.test",
	"11:58:30  Warning  Unhealthy   pod/app-6d8f9c7b5d-x2x4z Readiness probe failed: connection refused (x3)",
	"11:58:30  Warning  Unhealthy   pod/app-6d8f9c7b5d-x2x4z  Readiness probe failed: connection refused (x3)",
	"11:59:00  Normal   Synced      canary/app                Advance app.test canary weight 40",
	"11:59:10  Warning  Synced      canary/app                Halt advancement: success rate 91.20% < 99%",
}

var written = []string{
	"agent/canary-agent-7c9: 11:58:01.000 INFO  New revision detected canary=app.test",
	"primary/app-primary-5d4 web: GET / 200 3ms",
	`canary/app-6d8 web: {"level":"error","msg":"cannot reach the database"}`,
	"canary/app-6d8 web: 2026-08-01 ERROR cannot reach the database: dial tcp 10.0.0.1:5432: connection refused, no error handler",
	"canary/app-6d8 web: level=warning msg=\"slow answer\"",
	"agent/canary-agent-7c9: 11:59:10.000 WARN  Halt advancement metric=request-success-rate value=91.2",
	"canary/app-6d8 web: an error in small letters says nothing about the level",
	"canary/app-6d8 web: 漢字テスト naïve",
	"a line from nowhere",
}

// scenes are the states that a designer looks at.
func scenes() map[string]func() *Pager {
	of := func(kind Kind, lines []string) *Pager {
		p := New(kind)
		p.Append(lines)
		return p
	}
	return map[string]func() *Pager{
		"yaml":   func() *Pager { return of(YAML, manifest) },
		"events": func() *Pager { return of(Events, happened) },
		"logs":   func() *Pager { return of(Logs, written) },
		"wrap": func() *Pager {
			p := of(Logs, written)
			p.ToggleWrap()
			return p
		},
		"search": func() *Pager {
			p := of(Logs, written)
			p.Lines(60, 6, styles(false))
			p.Scroll(-2)
			p.Search("database")
			return p
		},
		"empty":   func() *Pager { return of(Events, nil) },
		"waiting": func() *Pager { return New(Logs) },
		"dropped": func() *Pager {
			p := of(Logs, numbered(1, maxLines+1234))
			p.Lines(60, 12, styles(false))
			p.Scroll(-100)
			return p
		},
		"note": func() *Pager {
			p := of(Logs, written)
			p.SetNote(`stale since 12:01:03: connection refused; trying again; agent: you may not read pods/log in namespace "canary-system"; a RoleBinding to ClusterRole canary-viewer there gives it`)
			return p
		},
	}
}

func TestGolden(t *testing.T) {
	for name, scene := range scenes() {
		for _, ascii := range []bool{false, true} {
			for _, profile := range []colorprofile.Profile{colorprofile.NoTTY, colorprofile.TrueColor, colorprofile.ASCII} {
				if ascii && profile != colorprofile.NoTTY {
					continue
				}
				set := map[bool]string{false: "unicode", true: "ascii"}[ascii]
				t.Run(fmt.Sprintf("%s/%s/%s", name, set, profile), func(t *testing.T) {
					var out bytes.Buffer
					w := &colorprofile.Writer{Forward: &out, Profile: profile}
					for _, size := range [][2]int{{100, 14}, {60, 8}, {24, 4}} {
						lines := scene().Lines(size[0], size[1], styles(ascii))
						check(t, lines, size[0], size[1])
						if _, err := fmt.Fprintf(w, "%d×%d\n%s\n", size[0], size[1], strings.Join(lines, "\n")); err != nil {
							t.Fatal(err)
						}
					}
					golden.RequireEqual(t, out.Bytes())
				})
			}
		}
	}
}

// TestASCII: of its own the pager draws nothing else.
func TestASCII(t *testing.T) {
	th := theme.New(theme.Mono, false, true)
	for name, scene := range scenes() {
		p := scene()
		p.Search("e")
		p.Right(3)
		for _, row := range p.Lines(40, 12, &th) {
			if !isASCII(row) && !strings.Contains(row, "漢") && !strings.Contains(row, "ï") {
				t.Errorf("%s: %q", name, row)
			}
		}
	}
}

// TestLevels: what names the level of a line, and what only looks like it.
func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		"12:00 ERROR x": "ERROR", "level=error x": "error", `{"level":"warn"}`: "warn", `{"severity": "ERROR"}`: "ERROR",
		"[WARN] x": "WARN", "INFO ERROR": "INFO", "lvl=fatal": "fatal", `level: "Info"`: "Info",
		"no error here": "", "TERROR": "", "msg=error": "", "": "", strings.Repeat(" ", levelRange) + "ERROR": "",
	} {
		spans := logSpans(text, styles(false))
		have := ""
		if len(spans) > 0 {
			have = text[spans[0].from:spans[0].to]
		}
		if have != want {
			t.Errorf("%q: level %q, want %q", text, have, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{
		"kind: Canary": "kind:", "spec:": "spec:", `"a: b": c`: `"a: b":`, "'a'": "", `"open: c`: "",
		"https://x:80/": "", "value": "", "": "", `"`: "", `"":`: `"":`, "a:b: c": "a:b:",
	} {
		if have := text[:keyLength(text)]; have != want {
			t.Errorf("%q: key %q, want %q", text, have, want)
		}
	}
}
