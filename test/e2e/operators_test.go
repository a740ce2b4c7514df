//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// kubeconfig writes a kubeconfig for a server and a token.
func (s *scene) kubeconfig(server, token string) string {
	s.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: s.cluster.RESTConfig.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "test"
	path := filepath.Join(s.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		s.Fatal(err)
	}
	return path
}

// TestOperatorWithoutAccess runs the plugin with a kubeconfig that is broken, with a cluster that
// is not there, as a user without rights, and for a canary that does not exist: one line says what
// is wrong and what to do, nothing is on stdout, and the exit code is 1.
func TestOperatorWithoutAccess(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{})
	if err := s.app.Apply(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	malformed := filepath.Join(t.TempDir(), "malformed")
	if err := os.WriteFile(malformed, []byte("apiVersion: v1\nclusters: [\n  - {name"), 0o600); err != nil {
		t.Fatal(err)
	}
	closed := listen(t, "")
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	accounts := s.cluster.Client().CoreV1().ServiceAccounts(s.app.Namespace)
	if _, err := accounts.Create(s.ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nobody"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := accounts.CreateToken(s.ctx, "nobody", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	user := "system:serviceaccount:" + s.app.Namespace + ":nobody"
	missing := filepath.Join(t.TempDir(), "missing")
	noCluster := s.kubeconfig("https://"+address, "x")
	forbidden := s.kubeconfig(s.cluster.RESTConfig.Host, token.Status.Token)
	for _, tt := range []struct {
		kubeconfig, args string
		want             []string
	}{
		{malformed, "list", []string{"cannot use the kubeconfig"}},
		{missing, "list", []string{"no cluster is configured", "KUBECONFIG"}},
		{noCluster, "list", []string{"https://" + address, "cannot be reached", "connection refused", `"test"`}},
		{noCluster, "abort app -y", []string{"https://" + address, "cannot be reached"}},
		{noCluster, "status app", []string{"https://" + address, "cannot be reached"}},
		{forbidden, "list", []string{"cannot list canaries", user}},
		{forbidden, "status app", []string{`canary "app"`, user}},
		{forbidden, "abort app -y", []string{`canary "app"`, user}},
		{s.kubeconfig(s.cluster.RESTConfig.Host, "forged"), "list", []string{"does not accept your credentials"}},
		{s.cluster.Kubeconfig, "abort apq -y", []string{`there is no canary "apq"`, `did you mean "app"?`}},
		{s.cluster.Kubeconfig, "promote app -y", []string{`promote of canary "app" was refused`}},
	} {
		stdout, stderr, code := s.kubectlCanaryAs(tt.kubeconfig, strings.Fields(tt.args)...)
		if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !containsAll(stderr, tt.want...) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit 1 and one line with %q", tt.args, code, stdout, stderr, tt.want)
		}
	}
}

// TestTwoOperators has two operators abort at once: the run is aborted once, in the name of one of
// them, and both get an answer.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Interval: "30s", Replicas: 1, Edit: steps(int64(10), int64(50))})
	s.release("python-2")
	s.until("10 %", atWeight(10))
	var done sync.WaitGroup
	var codes [2]int
	var answers [2]string
	for i := range codes {
		done.Go(func() {
			_, answers[i], codes[i] = s.kubectlCanary("abort", "app", "-y", "--reason", []string{"ada", "bob"}[i])
		})
	}
	done.Wait()
	for i, code := range codes {
		accepted := code == 0 && strings.Contains(answers[i], "sending all traffic to the primary")
		refused := code == 1 && (strings.Contains(answers[i], "was refused: no run is in progress") ||
			strings.Contains(answers[i], "took its place before the agent answered"))
		if !accepted && !refused {
			t.Errorf("operator %d: exit %d: %s", i, code, answers[i])
		}
	}
	if codes[0] == 0 && codes[1] == 0 {
		t.Error("one run was aborted twice")
	}
	status := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed)).Canary.Status
	if len(status.History) != 1 || status.History[0].Outcome != v1beta1.OutcomeAborted || status.History[0].By != "testbed-admin" {
		t.Errorf("history %+v, want one run, aborted by testbed-admin", status.History)
	}
}

// intend writes an intent as it could be written without the plugin.
func (s *scene) intend(intent v1beta1.Intent) {
	s.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1beta1.SchemeGroupVersion.WithKind(v1beta1.CanaryKind))
	u.SetName("app")
	u.SetAnnotations(intent.Annotations())
	_, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).
		Apply(s.ctx, "app", u, metav1.ApplyOptions{FieldManager: "by-hand", Force: true})
	if err != nil {
		s.Fatal(err)
	}
}

func answered(id string) func(*v1beta1.Canary) bool {
	return func(c *v1beta1.Canary) bool { return c.Status.LastIntent != nil && c.Status.LastIntent.ID == id }
}

// TestHostileIntents writes intents with an old revision, an unknown verb, and reasons made to
// break terminals and to fill the object: the first two are refused, and whatever is kept of a
// reason is bounded and shown without control characters.
func TestHostileIntents(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Interval: "30s", Replicas: 1, Edit: steps(int64(10), int64(50))})
	s.release("python-2")
	run := s.until("10 %", atWeight(10)).Canary.Status.Run

	s.intend(v1beta1.Intent{ID: "old", Verb: v1beta1.VerbPromote, Revision: "rs:0000000000", By: "ada", At: time.Now()})
	seen := s.until("an answer", answered("old")).Canary.Status.LastIntent
	if seen.Outcome != v1beta1.IntentRefused || !containsAll(seen.Message, run.Revision, "not rs:0000000000", "try again") {
		t.Errorf("an intent about another revision: %+v", seen)
	}
	s.intend(v1beta1.Intent{ID: "verb", Verb: "explode", By: "ada", At: time.Now()})
	seen = s.until("an answer", answered("verb")).Canary.Status.LastIntent
	if seen.Outcome != v1beta1.IntentRefused || !containsAll(seen.Message, `"explode"`, "known: promote") {
		t.Errorf("an intent with an unknown verb: %+v", seen)
	}
	if now := s.record.Last().Status; now.CanaryWeight != 10 || now.Phase != v1beta1.PhaseProgressing {
		t.Errorf("a refused intent moved the run: phase %s, weight %d", now.Phase, now.CanaryWeight)
	}

	hostile := "\x1b]0;owned\x07\x1b[2J\u202e\u0085first\r\nStatus: Succeeded\n" + strings.Repeat("x", 200<<10)
	s.intend(v1beta1.Intent{ID: "hostile", Verb: v1beta1.VerbAbort, By: "\x1b[31mada\n", Reason: hostile, At: time.Now()})
	status := s.until("an answer", answered("hostile")).Canary.Status
	if status.LastIntent.Outcome != v1beta1.IntentAccepted || len(status.History) != 1 {
		t.Fatalf("intent %+v, history %+v", status.LastIntent, status.History)
	}
	for name, text := range map[string]string{
		"lastIntent.reason": status.LastIntent.Reason, "history": status.History[0].Message, "message": status.Message,
	} {
		if len(text) > 2<<10 {
			t.Errorf("%s keeps %d bytes of a reason: ten runs of it do not fit into the object", name, len(text))
		}
	}
	for _, args := range []string{"status app", "list", "list -o wide"} {
		out, errOut, _ := s.kubectlCanary(strings.Fields(args)...)
		for _, r := range out + errOut {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%s shows the control character %q", args, r)
				break
			}
		}
		if strings.Contains(out, "\nStatus: Succeeded") {
			t.Errorf("%s shows a forged line", args)
		}
	}
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
}
