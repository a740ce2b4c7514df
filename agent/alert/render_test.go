package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// hostile is what a message could hold if somebody chose it for its effect in a chat.
const hostile = "<!channel> <https://evil.example|click> [click](https://evil.example) *bold* _it_ `code` ~s~ |s| @everyone @here\n" +
	"# big\n<b>&amp;</b><img src=x onerror=alert(1)> \u202edesrever \x1b[31m \xff"

func TestRender(t *testing.T) {
	alerts := map[string]Alert{
		"info": {
			Severity: v1beta1.SeverityInfo, Name: "podinfo", Namespace: "test",
			Message: "New revision detected, progressing canary analysis.",
			Fields:  Fields(podinfo(), "istio", "blue"),
		},
		"warn":    {Severity: v1beta1.SeverityWarn, Name: "podinfo", Namespace: "test", Message: "Canary is waiting for approval."},
		"error":   {Severity: v1beta1.SeverityError, Name: "podinfo", Namespace: "test", Message: "Failed checks threshold reached 5"},
		"hostile": {Severity: v1beta1.SeverityError, Name: "<!here>", Namespace: "@all", Message: hostile, Fields: []Field{{hostile, hostile}}},
	}
	for _, kind := range types {
		for name, a := range alerts {
			t.Run(string(kind)+"-"+name, func(t *testing.T) {
				body, header, err := Render(Destination{Type: kind, Channel: "on-call", Username: "flagger", Token: "t0ken"}, a)
				if err != nil {
					t.Fatal(err)
				}
				if header.Get("Content-Type") != "application/json" {
					t.Errorf("headers %v", header)
				}
				if want := map[bool]string{true: "Bearer t0ken"}[kind == v1beta1.AlertProviderSlack]; header.Get("Authorization") != want {
					t.Errorf("authorization %q, want %q", header.Get("Authorization"), want)
				}
				golden(t, string(kind)+"-"+name+".json", body)
			})
		}
	}
}

func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	out.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", path, out.Bytes())
	}
}

// Nothing in a text may become markup: what is left of the characters that make it is escaped.
func TestHostileTextIsHarmless(t *testing.T) {
	a := Alert{Name: "podinfo", Namespace: "test", Message: hostile, Fields: []Field{{hostile, hostile}}}
	for _, kind := range types {
		body, _, err := Render(Destination{Type: kind}, a)
		if err != nil {
			t.Fatal(err)
		}
		texts := strings.Join(stringsOf(t, body), "\n")
		var traps []string
		switch kind {
		case v1beta1.AlertProviderSlack:
			traps = []string{"<"}
		case v1beta1.AlertProviderGChat:
			traps = []string{"<!", "<https", "<img", "</b></"}
		case v1beta1.AlertProviderDiscord, v1beta1.AlertProviderRocket:
			traps = []string{" <", " [", "@everyone", "@here", " *", "\n# big"}
		case v1beta1.AlertProviderMSTeams:
			traps = []string{" <", " [", " *", "\n# big"}
		}
		for _, trap := range append(traps, "\x1b", "\u202e") {
			if strings.Contains(texts, trap) {
				t.Errorf("%s: %q is still in\n%s", kind, trap, texts)
			}
		}
	}
}

// stringsOf collects all string values of a document.
func stringsOf(t *testing.T, body []byte) (out []string) {
	t.Helper()
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(document)
	return out
}

func TestHugeMessageIsCut(t *testing.T) {
	for _, piece := range []string{"x", "&", "*", "\x00", "𝔘", "@"} {
		huge := strings.Repeat(piece, 1<<20)
		a := Alert{Name: "podinfo", Namespace: "test", Message: huge}
		for range 50 {
			a.Fields = append(a.Fields, Field{huge, huge})
		}
		for _, kind := range types {
			body, _, err := Render(Destination{Type: kind}, a)
			if err != nil {
				t.Fatal(err)
			}
			// 28 kB is the least that any of the chats takes.
			if n := utf8.RuneCount(body); n > 28_000 {
				t.Errorf("%s: %d characters of %q", kind, n, piece)
			}
			if !strings.Contains(string(body), "…") {
				t.Errorf("%s: the cut of %q does not show", kind, piece)
			}
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"a<", 5, "a&lt;"},
		{"a<b", 5, "a…"}, // an entity is not cut in two
		{"a\tb\x00", 9, `a b\x00`},
		{"", 3, ""},
	}
	for _, tt := range tests {
		if got := fit(tt.text, tt.limit, entities); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}

func FuzzFit(f *testing.F) {
	f.Add(hostile, 50)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = limit&0xff + 1
		for _, m := range []markup{entities, markdown, chatMarkdown, verbatim} {
			out := fit(text, limit, m)
			if n := utf8.RuneCountInString(out); n > limit || !utf8.ValidString(out) {
				t.Errorf("%d characters, limit %d: %q", n, limit, out)
			}
		}
	})
}

func TestGotchaF6SlackWithoutChannel(t *testing.T) {
	for _, kind := range []v1beta1.AlertProviderType{v1beta1.AlertProviderSlack, v1beta1.AlertProviderDiscord, v1beta1.AlertProviderRocket} {
		body, _, err := Render(Destination{Type: kind, Address: "https://chat.example/hook"}, Alert{Message: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(body, []byte(`"channel":"general","username":"flagger"`)) {
			t.Errorf("%s: %s", kind, body)
		}
	}
}

func TestRenderRefusesUnknownType(t *testing.T) {
	_, _, err := Render(Destination{Type: "irc\x1b"}, Alert{})
	if err == nil || !strings.Contains(err.Error(), "gchat") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %v", err)
	}
}
