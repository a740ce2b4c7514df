package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Finding is one thing that is wrong, or worth knowing.
type Finding struct {
	File string `json:"file"`
	// Line and Column count from 1; 0 when the file cannot be read.
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	// Kind, Namespace and Name of the object, as far as they are known.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Path of the field, such as spec.analysis.metrics[0].interval.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

// Report is the outcome of a run.
type Report struct {
	// Files that were read.
	Files int `json:"files"`
	// Canaries, MetricTemplates and AlertProviders in them.
	Canaries        int `json:"canaries"`
	MetricTemplates int `json:"metricTemplates"`
	AlertProviders  int `json:"alertProviders"`

	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`

	Findings []Finding `json:"findings"`
	Skipped  []Skipped `json:"skipped,omitempty"`
}

// take brings the findings into the order of the files, and drops those of disabled rules.
func (r *Report) take(findings []Finding, disabled []string) {
	r.Findings = []Finding{}
	for _, f := range findings {
		if slices.Contains(disabled, f.Rule) {
			continue
		}
		r.Findings = append(r.Findings, f)
		switch f.Severity {
		case Error:
			r.Errors++
		case Warning:
			r.Warnings++
		case Info:
			r.Infos++
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		if a.Column != b.Column {
			return a.Column - b.Column
		}
		return strings.Compare(a.Rule+a.Path, b.Rule+b.Path)
	})
	r.Findings = slices.Compact(r.Findings)
}

// String is the finding as compilers print theirs.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&b, ": %s: ", f.Severity)
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	fmt.Fprintf(&b, "%s (%s)", f.Message, f.Rule)
	return b.String()
}

func (r *Report) text(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(view.Clean(f.String()) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// github writes what GitHub Actions shows beside the lines of a pull request.
func (r *Report) github(w io.Writer) error {
	var b strings.Builder
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range r.Findings {
		command := map[Severity]string{Error: "error", Warning: "warning", Info: "notice"}[f.Severity]
		message := f.Message
		if f.Path != "" {
			message = f.Path + ": " + message
		}
		fmt.Fprintf(&b, "::%s file=%s,line=%d,col=%d,title=%s::%s\n",
			command, property.Replace(f.File), max(f.Line, 1), max(f.Column, 1), property.Replace(f.Rule), escape.Replace(message))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary is one line about everything.
func (r *Report) summary() string {
	out := []string{count(r.Files, "file", "files"), count(r.Canaries, "canary", "canaries")}
	for _, n := range []struct {
		n         int
		one, many string
	}{
		{r.MetricTemplates, "metric template", "metric templates"},
		{r.AlertProviders, "alert provider", "alert providers"},
	} {
		if n.n > 0 {
			out = append(out, count(n.n, n.one, n.many))
		}
	}
	out = append(out, count(r.Errors, "error", "errors"), count(r.Warnings, "warning", "warnings"))
	if r.Infos > 0 {
		out = append(out, count(r.Infos, "info", "infos"))
	}
	if len(r.Skipped) > 0 {
		out = append(out, fmt.Sprintf("%d skipped", len(r.Skipped)))
	}
	return strings.Join(out, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// object gives the report the form that kubectl's printers want.
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
	u.SetKind("LintReport")
	return u, nil
}
