package pager

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// span is a part of a line with a style, in bytes.
type span struct {
	from, to int
	style    *lipgloss.Style
}

// spans styles a line, in order. It looks at nothing but the line, so it costs what is seen.
func (k Kind) spans(text string, th *theme.Theme) []span {
	switch k {
	case YAML:
		return yamlSpans(text, th)
	case Events:
		return eventSpans(text, th)
	case Logs:
		return logSpans(text, th)
	case Plain:
	}
	return nil
}

// yamlSpans makes the keys quiet, so that the values stand out, and the sections bold.
func yamlSpans(text string, th *theme.Theme) []span {
	var out []span
	at := len(text) - len(strings.TrimLeft(text, " "))
	for strings.HasPrefix(text[at:], "- ") {
		out = append(out, span{at, at + 1, &th.Rule})
		at += 2
	}
	rest := text[at:]
	if strings.HasPrefix(rest, "#") {
		return append(out, span{at, len(text), &th.Rule})
	}
	n := keyLength(rest)
	switch {
	case n == 0:
		return out
	case at == 0:
		return append(out, span{0, n, &th.Title})
	}
	return append(out, span{at, at + n, &th.Label})
}

// keyLength is that of the key that a line begins with, its colon included.
func keyLength(s string) int {
	from := 0
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return 0
		}
		from = end + 2
		if !strings.HasPrefix(s[from:], ":") {
			return 0
		}
	}
	if i := strings.Index(s[from:], ": "); i >= 0 {
		return from + i + 1
	}
	if strings.HasSuffix(s, ":") {
		return len(s)
	}
	return 0
}

// eventSpans leaves reason and message as they are, and makes warnings stand out.
func eventSpans(text string, th *theme.Theme) []span {
	var out []span
	for i, at := 0, 0; i < 4; i++ {
		end := strings.Index(text[at:], "  ")
		if end < 0 {
			break
		}
		end += at
		style := &th.Label
		if text[at:end] == "Warning" {
			style = &th.Warn
		}
		if i != 2 {
			out = append(out, span{at, end, style})
		}
		at = len(text) - len(strings.TrimLeft(text[end:], " "))
	}
	return out
}

// levelRange is how far into a line its level is looked for, in bytes.
const levelRange = 80

// logSpans styles the side that a line comes from, and its level.
func logSpans(text string, th *theme.Theme) []span {
	var out []span
	at := 0
	if end := strings.Index(text, ": "); end >= 0 {
		var style *lipgloss.Style
		switch side, _, _ := strings.Cut(text[:end], "/"); side {
		case "canary":
			style = &th.Canary
		case "primary":
			style = &th.Primary
		case "agent":
			style = &th.Title
		}
		if style != nil {
			out = append(out, span{0, end + 1, style})
			at = end + 2
		}
	}
	head := text[at:min(len(text), at+levelRange)]
	if from, to, level := findLevel(head); to > 0 {
		style := &th.Label
		switch level {
		case failing:
			style = &th.Fail
		case warning:
			style = &th.Warn
		case quiet:
		}
		out = append(out, span{at + from, at + to, style})
	}
	return out
}

type level uint8

const (
	quiet level = iota
	warning
	failing
)

var levels = map[string]level{
	"TRACE": quiet, "DEBUG": quiet, "INFO": quiet, "NOTICE": quiet,
	"WARN": warning, "WARNING": warning,
	"ERR": failing, "ERROR": failing, "FATAL": failing, "PANIC": failing, "CRITICAL": failing,
}

// findLevel finds the first word that names a level: in capitals, or as the value of a level. A
// message may use any of these words in small letters.
func findLevel(s string) (from, to int, l level) {
	for at := 0; at < len(s); {
		if !isLetter(s[at]) {
			at++
			continue
		}
		end := at
		for end < len(s) && isLetter(s[end]) {
			end++
		}
		word := s[at:end]
		l, known := levels[strings.ToUpper(word)]
		if known && (word == strings.ToUpper(word) || namesLevel(s[:at])) {
			return at, end, l
		}
		at = end
	}
	return 0, 0, quiet
}

// namesLevel is true for what stands before the value of a level.
func namesLevel(before string) bool {
	before = strings.TrimRight(before, `"' `)
	if !strings.HasSuffix(before, "=") && !strings.HasSuffix(before, ":") {
		return false
	}
	name := strings.ToLower(strings.TrimRight(before[:len(before)-1], `"' `))
	return strings.HasSuffix(name, "level") || strings.HasSuffix(name, "lvl") || strings.HasSuffix(name, "severity")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
