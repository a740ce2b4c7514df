package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Status of a check.
type Status string

const (
	// OK means that it is as it should be.
	OK Status = "ok"
	// Warn means that it works, but not all of it, or not for long.
	Warn Status = "warn"
	// Fail means that canaries do not work because of it.
	Fail Status = "fail"
	// Skip means that it could not be checked, or needs no check.
	Skip Status = "skip"
)

// Check is the outcome of one check.
type Check struct {
	// ID is stable. Checks of several things, such as providers, are several with one id.
	ID     string `json:"id"`
	Status Status `json:"status"`
	// Title says what was checked, in a few words.
	Title string `json:"title"`
	// Detail says what was found.
	Detail string `json:"detail"`
	// Fix says what to do; it can have several lines. Empty when there is nothing to do.
	Fix string `json:"fix,omitempty"`
	// Objects that it is about, as namespace/name of canaries; absent when it is about no canary.
	Objects []string `json:"objects,omitempty"`
}

// Report is all of them.
type Report struct {
	// Context of the kubeconfig.
	Context string `json:"context,omitempty"`
	// Namespace whose canaries were looked at; absent for all.
	Namespace string  `json:"namespace,omitempty"`
	Checks    []Check `json:"checks"`

	OK      int `json:"ok"`
	Warned  int `json:"warned"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

// session is one run of the command, with what the checks have learned.
type session struct {
	o      *Options
	client dynamic.Interface
	raw    rest.Interface
	report Report

	// down is why nothing can be asked; empty when the API server answers.
	down string
	// noCRDs is true when the cluster does not know canaries.
	noCRDs bool
	// found are the controllers; they are not known when foundErr is not nil, and not all when partial.
	found    []controllers.Controller
	foundErr error
	partial  bool
	canaries []canary
	// canariesWhy is why the canaries are not known; empty when they are.
	canariesWhy string
	parts       map[string]*parts
}

// patience bounds one request. A cluster that is slower has other troubles.
const patience = 10 * time.Second

func newSession(o *Options) *session {
	s := &session{o: o}
	s.report.Context = o.Cluster.Context()
	if !o.AllNamespaces {
		s.report.Namespace = o.Namespace
	}
	s.report.Checks = []Check{}
	return s
}

// connect makes the clients.
func (s *session) connect() error {
	client, err := s.o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	config, err := s.o.Cluster.RESTConfig()
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // For the Status in answers.
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.GroupVersion = &schema.GroupVersion{}
	raw, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return fmt.Errorf("cannot use the kubeconfig: %w", err)
	}
	s.client, s.raw = client, raw
	return nil
}

// get asks for a path that is no object.
func (s *session) get(ctx context.Context, path string, params map[string]string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request := s.raw.Get().AbsPath(path).SetHeader("Accept", "application/json")
	for name, value := range params {
		request = request.Param(name, value)
	}
	result := request.Do(ctx)
	// Raw alone does not read the Status that comes with an error.
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// object reads one object.
func (s *session) object(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.client.Resource(gvr).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
}

// skipped is a check that was not made.
func skipped(title, why string, args ...any) []Check {
	return []Check{{Status: Skip, Title: title, Detail: fmt.Sprintf(why, args...)}}
}

// offline skips a check when there is no cluster.
func (s *session) offline(title string) []Check {
	if s.down == "" {
		return nil
	}
	return skipped(title, "%s", s.down)
}

// unreadable skips a check because of an error.
func (s *session) unreadable(title, doing string, err error) []Check {
	if apierrors.IsForbidden(err) {
		return skipped(title, "you may not %s", doing)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return skipped(title, "no answer within %s to: %s", patience, doing)
	}
	return skipped(title, "%v", s.o.Cluster.Explain(err, doing))
}

// add counts a check.
func (s *session) add(c Check) {
	s.report.Checks = append(s.report.Checks, c)
	switch c.Status {
	case OK:
		s.report.OK++
	case Warn:
		s.report.Warned++
	case Fail:
		s.report.Failed++
	case Skip:
		s.report.Skipped++
	}
}

var (
	symbols = map[Status]string{OK: "✔", Warn: "!", Fail: "✖", Skip: "-"}
	words   = map[Status]string{OK: "ok  ", Warn: "WARN", Fail: "FAIL", Skip: "skip"}
	colours = map[Status]string{OK: "32", Warn: "33", Fail: "31", Skip: "2"}
)

// print writes a check: one line, and below it what to do.
func (s *session) print(c Check) error {
	mark := words[c.Status]
	if s.o.Terminal.Out {
		mark = symbols[c.Status]
	}
	if s.o.Terminal.Color {
		mark = "\x1b[" + colours[c.Status] + "m" + mark + "\x1b[0m"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", mark, view.Clean(c.Title+": "+c.Detail))
	if c.Fix != "" {
		for line := range strings.SplitSeq(strings.TrimRight(c.Fix, "\n"), "\n") {
			b.WriteString("      " + view.Clean(line) + "\n")
		}
	}
	_, err := fmt.Fprint(s.o.Streams.Out, b.String())
	return err
}

// finish prints what comes after the checks.
func (s *session) finish() error {
	if !s.o.Table() {
		object, err := s.report.object()
		if err != nil {
			return err
		}
		return s.o.Print(&s.o.Output, object)
	}
	_, err := fmt.Fprintf(s.o.Streams.ErrOut, "%d ok, %s, %d failed, %d skipped\n",
		s.report.OK, count(s.report.Warned, "warning"), s.report.Failed, s.report.Skipped)
	return err
}

func (r *Report) object() (*unstructured.Unstructured, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("cannot write the report as JSON: %w", err)
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &u.Object); err != nil {
		return nil, fmt.Errorf("cannot write the report as JSON: %w", err)
	}
	u.SetAPIVersion("kubectl-canary/v1")
	u.SetKind("DoctorReport")
	return u, nil
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, found := strings.CutSuffix(one, "y"); found {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// some lists the first few of many.
func some(all []string) string {
	const most = 5
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}
