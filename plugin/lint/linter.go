package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// linter checks files, and then what they have to do with each other.
type linter struct {
	schemas map[string]*schema
	// provider of canaries that name none; empty when it is not known.
	provider string
	portable bool

	objects  []*manifest
	findings []Finding
	skipped  []Skipped
}

// manifest is one object.
type manifest struct {
	file, dir string
	root      *value

	apiVersion, kind, namespace, name string

	// canary and template are nil for objects of other kinds, and for what cannot be decoded.
	canary   *v1beta1.Canary
	template *v1beta1.MetricTemplate
	// told is true once a canary has said something about an object of another kind.
	told bool
	// found are the paths at which there is something wrong already.
	found map[string]bool
}

func newLinter(provider string, portable bool) (*linter, error) {
	all, err := schemas()
	if err != nil {
		return nil, err
	}
	// The deprecated name has no schema in the CRD, but means the same.
	if spec := all[kindCanary].Properties["spec"]; spec != nil {
		same := *spec.Properties["analysis"]
		same.Description = spec.Properties["canaryAnalysis"].Description
		spec.Properties["canaryAnalysis"] = &same
	}
	return &linter{schemas: all, provider: provider, portable: portable}, nil
}

const (
	kindCanary         = "Canary"
	kindMetricTemplate = "MetricTemplate"
	kindAlertProvider  = "AlertProvider"
)

// others are kinds that canaries have to do with.
var others = [][]byte{
	[]byte(v1beta1.TargetDeployment), []byte(v1beta1.TargetDaemonSet), []byte(v1beta1.TargetService),
	[]byte(v1beta1.AutoscalerHPA), []byte(v1beta1.AutoscalerScaledObject), []byte("HTTPRoute"),
}

// file checks what is in one file.
func (l *linter) file(f file) {
	for _, d := range split(f.data) {
		if !d.mentions() && !related(d.data) && !f.named {
			continue
		}
		v, duplicates, err := d.parse()
		templated := bytes.Contains(f.data, templateMark) && (err != nil || v != nil && d.mentions() && unrendered(v))
		switch {
		case templated && !f.named:
			l.skipped = append(l.skipped, Skipped{f.name, "is a template: render it first, as in helm template CHART | kubectl canary lint -"})
			return
		case templated:
			l.findings = append(l.findings, Finding{File: f.name, Line: placeOf(d, err), Column: 1, Severity: Error, Rule: ruleSyntax,
				Message: "is a template and no YAML: render it first, as in helm template CHART | kubectl canary lint -"})
			return
		case err != nil && (f.named || d.mentions()):
			rule := ruleComplex
			if _, syntax := err.(*syntaxError); syntax { //nolint:errorlint // It is never wrapped.
				rule = ruleSyntax
			}
			l.findings = append(l.findings, Finding{File: f.name, Line: placeOf(d, err), Column: 1, Severity: Error, Rule: rule,
				Message: "the document " + messageOf(rule, err)})
		case err == nil && v != nil:
			l.document(f, v, duplicates)
		}
	}
}

func messageOf(rule string, err error) string {
	if rule == ruleSyntax {
		return "is not YAML: " + err.Error()
	}
	return err.Error()
}

func related(data []byte) bool {
	for _, kind := range others {
		if bytes.Contains(data, kind) {
			return true
		}
	}
	return false
}

// document checks the object, or the objects of a list, of one document.
func (l *linter) document(f file, v *value, duplicates []duplicate) {
	objects := []*value{v}
	if items := v.get("items"); items != nil && items.kind == list && strings.HasSuffix(v.text("kind"), "List") {
		objects = items.items
	}
	told := false
	for _, object := range objects {
		m := &manifest{
			file: f.name, dir: f.dir, root: object, found: map[string]bool{},
			apiVersion: object.text("apiVersion"), kind: object.text("kind"),
			namespace: object.text("metadata", "namespace"), name: object.text("metadata", "name"),
		}
		group, version, _ := strings.Cut(m.apiVersion, "/")
		if group != v1beta1.GroupName {
			l.objects = append(l.objects, m)
			continue
		}
		for _, d := range duplicates[:min(len(duplicates), mostMistakes)] {
			if !told {
				l.report(m, ruleDuplicateKey, "", d.line, d.column, fmt.Sprintf(
					"key %s is given twice, first in line %d: the API server refuses it, or takes the last", quoted(d.key), d.first))
			}
		}
		told = true
		l.own(m, version)
	}
}

// own checks an object of the API.
func (l *linter) own(m *manifest, version string) {
	if version != v1beta1.SchemeGroupVersion.Version {
		at := m.root.get("apiVersion")
		l.report(m, ruleVersion, "apiVersion", at.line, at.column, fmt.Sprintf(
			"is %s: write %s; of a Canary, spec.canaryAnalysis is called spec.analysis there", quoted(m.apiVersion), v1beta1.SchemeGroupVersion))
	}
	s := l.schemas[m.kind]
	if s == nil {
		place := m.root
		if at := m.root.get("kind"); at != nil {
			place = at
		}
		known := sortedKeys(l.schemas)
		message := fmt.Sprintf("is %s, but the API has %s", quoted(m.kind), strings.Join(known, ", "))
		if near := nearest(m.kind, known); near != "" {
			message = fmt.Sprintf("is %s; did you mean %s?", quoted(m.kind), near)
		}
		l.report(m, ruleKind, "kind", place.line, place.column, message)
		return
	}
	l.objects = append(l.objects, m)
	w := &walker{
		root:  s,
		wrong: map[*value]bool{},
		report: func(rule, path string, line, column int, message string) {
			m.found[path] = true
			l.report(m, rule, path, line, column, message)
		},
		extension: func(path string, e entry) {
			l.report(m, rulePortability, path, e.line, e.column, "Flagger does not have this field: its API server drops it")
		},
	}
	w.walk(s, m.root, "")
	if w.full() {
		l.at(m, ruleComplex, "", "the object has %d mistakes or more, of which the first are shown", mostMistakes)
		return
	}
	l.metadata(m)
	status := m.root.get("status")
	content, _ := m.root.plain(func(v *value) bool { return v == status || w.wrong[v] }).(map[string]any)
	switch m.kind {
	case kindCanary:
		m.canary = l.decode(m, content)
	case kindMetricTemplate:
		m.template = templateOf(content)
	}
	l.deprecated(m)
	switch m.kind {
	case kindCanary:
		if m.canary != nil {
			l.canary(m)
		}
	case kindMetricTemplate:
		l.metricTemplate(m)
	case kindAlertProvider:
		l.alertProvider(m)
	}
}

// decode makes the object that the agent would see. What cannot be decoded has been reported; should
// there be more, it is reported here.
func (l *linter) decode(m *manifest, content map[string]any) *v1beta1.Canary {
	c, err := v1beta1.DecodeCanary(content)
	if err != nil {
		if len(m.found) == 0 {
			l.report(m, ruleType, "", m.root.line, m.root.column, err.Error())
		}
		return nil
	}
	return c
}

func templateOf(content map[string]any) *v1beta1.MetricTemplate {
	data, err := json.Marshal(content)
	if err != nil {
		return nil
	}
	t := &v1beta1.MetricTemplate{}
	if json.Unmarshal(data, t) != nil {
		return nil
	}
	return t
}

// metadata checks the names, which the API server has rules for outside of the schema.
func (l *linter) metadata(m *manifest) {
	if m.root.text("metadata", "generateName") != "" {
		return
	}
	if m.name == "" && !m.found["metadata.name"] && !m.found["metadata"] {
		l.at(m, ruleRequired, "metadata.name", "is missing: give the %s a name", m.kind)
		return
	}
	if m.name != "" {
		if len(validation.IsDNS1123Subdomain(m.name)) > 0 {
			l.at(m, ruleName, "metadata.name", "is %s, but a name has up to 253 lowercase letters, digits, - and ., with a letter or digit at both ends", quoted(m.name))
		}
	}
	if m.namespace != "" {
		if len(validation.IsDNS1123Label(m.namespace)) > 0 {
			l.at(m, ruleName, "metadata.namespace", "is %s, but a namespace has up to 63 lowercase letters, digits and -, with a letter or digit at both ends", quoted(m.namespace))
		}
	}
}

// at reports something about the field at a path, or what of the path there is.
func (l *linter) at(m *manifest, rule, path, format string, args ...any) {
	l.sever(m, severityOf(rule), rule, path, format, args...)
}

// sever is at with another severity than the rule has by itself.
func (l *linter) sever(m *manifest, severity Severity, rule, path, format string, args ...any) {
	line, column := place(m.root, path)
	l.add(m, severity, rule, path, line, column, fmt.Sprintf(format, args...))
}

func (l *linter) report(m *manifest, rule, path string, line, column int, message string) {
	l.add(m, severityOf(rule), rule, path, line, column, message)
}

func (l *linter) add(m *manifest, severity Severity, rule, path string, line, column int, message string) {
	if rule == rulePortability && l.portable {
		severity = Error
	}
	l.findings = append(l.findings, Finding{
		File: m.file, Line: line, Column: column, Severity: severity, Rule: rule,
		Kind: m.kind, Namespace: m.namespace, Name: m.name, Path: path, Message: message,
	})
}

// place finds the line and column of the field at a path, or of the deepest part of the path that
// there is.
func place(v *value, path string) (line, column int) {
	line, column = v.line, v.column
	for path != "" {
		step, next, rest := v, "", ""
		switch {
		case v.kind == list && strings.HasPrefix(path, "["):
			number, after, _ := strings.Cut(path[1:], "]")
			var i int
			if _, err := fmt.Sscanf(number, "%d", &i); err != nil || i < 0 || i >= len(v.items) {
				return line, column
			}
			v, path = v.items[i], strings.TrimPrefix(after, ".")
			line, column = v.line, v.column
			continue
		case v.kind == object && strings.HasPrefix(path, "["):
			// Keys can have brackets and dots in them; the longest one that fits is meant.
			for _, e := range v.entries {
				if after, ok := strings.CutPrefix(path, "["+e.key+"]"); ok && len(e.key) >= len(next) {
					next, rest = e.key, strings.TrimPrefix(after, ".")
				}
			}
		case v.kind == object:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			next, rest = path[:end], strings.TrimPrefix(path[end:], ".")
		}
		for _, e := range step.entries {
			if e.key == next {
				v, line, column = e.value, e.line, e.column
			}
		}
		if v == step {
			return line, column
		}
		path = rest
	}
	return line, column
}
