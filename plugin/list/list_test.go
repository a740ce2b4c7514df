package list_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/list"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// run is one command line on a terminal of a width; 0 is a pipe.
func run(t *testing.T, server *clustertest.Server, width int, args ...string) (out, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", server.Kubeconfig(t))
	var stdout, stderr bytes.Buffer
	access := &cluster.Access{}
	deps := cli.Deps{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr},
		Cluster: access,
		Now:     func() time.Time { return time.Date(2026, 8, 1, 13, 0, 0, 0, time.UTC) },
	}
	cmd := list.NewListCmd(deps, func(ctx context.Context, o *list.Options) error {
		o.Width = width
		return o.Run(ctx)
	})
	access.AddFlags(cmd.Flags())
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// several are canaries that differ in all that can be sorted by.
func several(t *testing.T) *clustertest.Server {
	t.Helper()
	server := clustertest.New(t)
	for i, c := range []struct {
		namespace, name, phase string
		weight, failed         int
	}{
		{"test", "checkout", "Progressing", 20, 2},
		{"test", "basket", "Succeeded", 0, 1},
		{"test", "recommendations-of-the-day", "Failed", 0, 5},
		{"shop", "search", "Progressing", 60, 0},
	} {
		o := finished(c.name)
		metadata, status := o["metadata"].(object), o["status"].(object)
		metadata["namespace"] = c.namespace
		metadata["creationTimestamp"] = fmt.Sprintf("2026-08-01T1%d:00:00Z", i)
		metadata["resourceVersion"] = "1"
		status["phase"], status["canaryWeight"], status["failedChecks"] = c.phase, c.weight, c.failed
		server.PutObject(plain(t, o))
	}
	return server
}

// plain has only types that JSON makes.
func plain(t *testing.T, o object) object {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	out := object{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSortBy(t *testing.T) {
	server := several(t)
	for key, want := range map[string]string{
		"":          "search basket checkout recommendations-of-the-day",
		"name":      "basket checkout recommendations-of-the-day search",
		"namespace": "search basket checkout recommendations-of-the-day",
		"phase":     "recommendations-of-the-day search checkout basket",
		"weight":    "search checkout basket recommendations-of-the-day",
		"failed":    "recommendations-of-the-day checkout basket search",
		"age":       "search recommendations-of-the-day basket checkout",
	} {
		args := []string{"-A", "--no-headers"}
		if key != "" {
			args = append(args, "--sort-by", key)
		}
		out, _, err := run(t, server, 0, args...)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for line := range strings.Lines(out) {
			have = append(have, strings.Fields(line)[1])
		}
		if strings.Join(have, " ") != want {
			t.Errorf("--sort-by %s: %v, want %s", key, have, want)
		}
		if key == "" {
			continue
		}
		if out, _, err = run(t, server, 0, "-A", "--sort-by", key, "-o", "jsonpath={.items[*].metadata.name}"); err != nil || out != want {
			t.Errorf("--sort-by %s of objects: %s, want %s (%v)", key, out, want, err)
		}
	}
	if _, _, err := run(t, server, 0, "--sort-by", "size"); cli.CodeOf(err) != cli.CodeUsage || !strings.Contains(err.Error(), "use one of name, namespace") {
		t.Error(err)
	}
}

func TestPhase(t *testing.T) {
	server := several(t)
	for line, want := range map[string]string{
		"--phase progressing -o name":               "canary.flagger.app/checkout\n",
		"--phase Progressing,Failed -o name":        "canary.flagger.app/checkout\ncanary.flagger.app/recommendations-of-the-day\n",
		"basket checkout --phase Succeeded -o name": "canary.flagger.app/basket\n",
	} {
		if out, _, err := run(t, server, 0, strings.Fields(line)...); err != nil || out != want {
			t.Errorf("%s: %q, want %q (%v)", line, out, want, err)
		}
	}
	out, _, err := run(t, server, 0, "-A", "--phase", "Progressing")
	if err != nil || strings.Count(out, "\n") != 3 || strings.Contains(out, "basket") {
		t.Errorf("%v:\n%s", err, out)
	}
	if _, errOut, err := run(t, server, 0, "--phase", "Terminated"); err != nil || errOut != "No resources found in test namespace.\n" {
		t.Errorf("%q %v", errOut, err)
	}
	if _, _, err := run(t, server, 0, "--phase", "Fnord"); cli.CodeOf(err) != cli.CodeUsage || !strings.Contains(err.Error(), "WaitingPromotion") {
		t.Error(err)
	}
}

func TestFieldSelector(t *testing.T) {
	server := several(t)
	out, _, err := run(t, server, 0, "-A", "--field-selector", "metadata.name=search", "--no-headers")
	if err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, "search") {
		t.Errorf("%v: %s", err, out)
	}
	for _, line := range []string{"app --field-selector metadata.name=app", "--field-selector a", "-w --phase Failed", "-w --sort-by name", "--chunk-size -1"} {
		if _, _, err := run(t, server, 0, strings.Fields(line)...); cli.CodeOf(err) != cli.CodeUsage {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestNarrow has every line of every table fit, and golden files show what is left out.
func TestNarrow(t *testing.T) {
	server := several(t)
	for _, line := range []string{"", "-A", "-o wide", "-A -o wide"} {
		var all strings.Builder
		for _, width := range []int{20, 40, 60, 80, 120, 200} {
			out, _, err := run(t, server, width, strings.Fields(line)...)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%d characters:\n%s\n", width, out)
			for l := range strings.Lines(out) {
				if n := utf8.RuneCountInString(strings.TrimRight(l, "\n")); n > width && width >= 40 {
					t.Errorf("list %s: %d characters do not fit %d: %s", line, n, width, l)
				}
			}
		}
		name := strings.Trim("narrow-"+strings.NewReplacer(" ", "", "-o", "", "-A", "all-").Replace(line), "-")
		golden(t, name, all.String())
	}
	out, _, err := run(t, server, 0, "-A", "-o", "wide")
	if err != nil || strings.Contains(out, "…") || !strings.Contains(out, "MESSAGE") {
		t.Errorf("something is left out in a pipe (%v):\n%s", err, out)
	}
}

// TestOddAnswers has one object that does not fit beside those that do, and answers that are no list.
func TestOddAnswers(t *testing.T) {
	answer := `{"kind":"CanaryList","items":[{"metadata":{"name":"good","namespace":"test"},"spec":{"analysis":{"threshold":5}},
		"status":{"phase":"Progressing","canaryWeight":10,"measurements":"broken, but not shown"}},
		{"metadata":{"name":"bad"},"status":{"phase":7}}, 5, {"metadata":7}],"metadata":{"continue":""},"unknown":[{}]}`
	served := func() string { return answer }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(served()))
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: " + server.URL + "}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", config)
	odd := func() (string, error) {
		var out bytes.Buffer
		deps := cli.Deps{Streams: genericiooptions.IOStreams{Out: &out, ErrOut: &out}, Cluster: &cluster.Access{}, Now: time.Now}
		cmd := list.NewListCmd(deps, nil)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs([]string{"--no-headers"})
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := odd()
	if err != nil || strings.Count(out, "\n") != 4 || strings.Count(out, "Unreadable") != 3 {
		t.Errorf("%v\n%s", err, out)
	}
	for _, line := range []string{"good", "bad"} {
		if !strings.Contains(out, line) {
			t.Errorf("%s is missing:\n%s", line, out)
		}
	}
	for _, cut := range []int{1, 40, len(answer) / 2, len(answer) - 1} {
		served = func() string { return answer[:cut] }
		if _, err := odd(); err == nil || !strings.Contains(err.Error(), `cannot list canaries in namespace "default"`) {
			t.Errorf("an answer that ends after %d bytes: %v", cut, err)
		}
	}
	served = func() string { return `[]` }
	if _, err := odd(); err == nil || !strings.Contains(err.Error(), "not a list") {
		t.Error(err)
	}
}

// TestTableInChunks has the pages of the fast way put together.
func TestTableInChunks(t *testing.T) {
	server := several(t)
	out, _, err := run(t, server, 0, "-A", "--chunk-size", "3", "--no-headers")
	if err != nil || strings.Count(out, "\n") != 4 {
		t.Errorf("%v\n%s", err, out)
	}
	asked := slices.DeleteFunc(server.Requests(), func(r string) bool { return !strings.Contains(r, "limit=3") })
	if len(asked) != 2 || !strings.Contains(asked[1], "continue=") {
		t.Errorf("requests: %v", asked)
	}
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", path, have, want)
	}
}
