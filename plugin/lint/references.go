package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// references checks what the objects of all files have to do with each other.
func (l *linter) references() {
	l.shared()
	for _, m := range l.objects {
		if m.canary == nil || m.name == "" {
			continue
		}
		l.templates(m)
		l.alerts(m)
		l.crossNamespace(m)
		l.workload(m)
		l.managed(m)
	}
}

// lookup finds an object that another one names; nil when it is not among the files. An object without
// a namespace may be in any. One in the same directory comes first: directories are often clusters.
func (l *linter) lookup(from *manifest, namespace, name string, is func(*manifest) bool) *manifest {
	var found *manifest
	for _, m := range l.objects {
		if m.name != name || !is(m) || m.namespace != "" && namespace != "" && m.namespace != namespace {
			continue
		}
		if found == nil || found.dir != from.dir && m.dir == from.dir {
			found = m
		}
	}
	return found
}

func ofKind(group string, kinds ...string) func(*manifest) bool {
	return func(m *manifest) bool {
		have, _, versioned := strings.Cut(m.apiVersion, "/")
		if !versioned {
			have = ""
		}
		return have == group && slices.Contains(kinds, m.kind)
	}
}

// any tells whether there is an object at all that could have been meant. Without one, the files are
// just a part of what there is.
func (l *linter) any(is func(*manifest) bool) bool { return slices.ContainsFunc(l.objects, is) }

// shared finds canaries that get into each other's way.
func (l *linter) shared() {
	type claim struct{ namespace, what string }
	targets, services := map[claim][]*manifest{}, map[claim][]*manifest{}
	seen := map[string]*manifest{}
	for _, m := range l.objects {
		group, _, _ := strings.Cut(m.apiVersion, "/")
		if group != v1beta1.GroupName || m.name == "" {
			continue
		}
		id := m.dir + "\x00" + m.kind + "\x00" + m.namespace + "\x00" + m.name
		if first := seen[id]; first != nil {
			l.at(m, ruleDuplicate, "metadata.name", "%s %s is in %s as well: the one that is applied last wins", m.kind, m.name, l.where(m, first))
			continue
		}
		seen[id] = m
		if c := m.canary; c != nil && c.Spec.TargetRef.Name != "" {
			target := claim{m.namespace, c.Spec.TargetRef.Kind + " " + c.Spec.TargetRef.Name}
			targets[target] = append(targets[target], m)
			if !c.IsKnative() {
				service := claim{m.namespace, c.ApexName()}
				services[service] = append(services[service], m)
			}
		}
	}
	told := map[[2]*manifest]bool{}
	each := func(claims map[claim][]*manifest, report func(m, first *manifest, what string)) {
		for key, group := range claims {
			for i, m := range group {
				for _, first := range group[:i] {
					// Without a namespace, other directories are taken for other namespaces.
					if m.name == first.name || key.namespace == "" && m.dir != first.dir || told[[2]*manifest{m, first}] {
						continue
					}
					told[[2]*manifest{m, first}] = true
					report(m, first, key.what)
					break
				}
			}
		}
	}
	each(targets, func(m, first *manifest, what string) {
		l.at(m, ruleTargetShared, "spec.targetRef", "%s is the target of canary %s (%s) already: the agent refuses the younger one", what, first.name, l.where(m, first))
	})
	each(services, func(m, first *manifest, what string) {
		path := "spec.service.name"
		if m.root.get("spec", "service", "name") == nil {
			path = "spec.targetRef.name"
		}
		l.at(m, ruleServiceShared, path, "Service %s is that of canary %s (%s) as well: give one of them another spec.service.name", what, first.name, l.where(m, first))
	})
}

// where names the place of another object.
func (l *linter) where(from, m *manifest) string {
	if from.file == m.file {
		return fmt.Sprintf("line %d", m.root.line)
	}
	return fmt.Sprintf("%s:%d", m.file, m.root.line)
}

// namespaceOf a reference: its own, or that of the canary.
func namespaceOf(m *manifest, ref v1beta1.NamespacedReference) string {
	if ref.Namespace != "" {
		return ref.Namespace
	}
	return m.namespace
}

func (l *linter) templates(m *manifest) {
	for i, metric := range m.canary.GetAnalysis().Metrics {
		ref := metric.TemplateRef
		path := fmt.Sprintf("%s.metrics[%d].templateRef", analysisPath(m), i)
		if ref == nil || ref.Name == "" || m.known(path) {
			continue
		}
		t := l.lookup(m, namespaceOf(m, *ref), ref.Name, ofKind(v1beta1.GroupName, kindMetricTemplate))
		if t == nil {
			l.at(m, ruleReference, path, "MetricTemplate %s is not among the files%s", ref.Name, l.similar(ref.Name, kindMetricTemplate))
			continue
		}
		if t.template == nil || t.found["spec.query"] {
			continue
		}
		values := queries.ValuesOf(m.canary, metric, queries.Revisions{})
		if _, err := queries.Render(t.template.Spec.Query, values); err != nil && strings.Contains(err.Error(), "map has no entry") {
			l.at(m, ruleTemplate, path, "the query of MetricTemplate %s cannot be rendered for this canary: %v; set it in templateVariables", ref.Name, err)
			continue
		}
		if metric.VersusPrimary == nil {
			continue
		}
		if primary, err := queries.RenderPrimary(t.template.Spec.Query, values); err == nil && primary == "" {
			l.at(m, ruleSpec, fmt.Sprintf("%s.metrics[%d].versusPrimary", analysisPath(m), i),
				"the query of MetricTemplate %s does not say how to ask for the primary: use {{ target }} or {{ service }}-canary in it", ref.Name)
		}
	}
}

func (l *linter) alerts(m *manifest) {
	for i, alert := range m.canary.GetAnalysis().Alerts {
		path := fmt.Sprintf("%s.alerts[%d].providerRef", analysisPath(m), i)
		if alert.ProviderRef.Name == "" || m.known(path) {
			continue
		}
		if l.lookup(m, namespaceOf(m, alert.ProviderRef), alert.ProviderRef.Name, ofKind(v1beta1.GroupName, kindAlertProvider)) == nil {
			l.at(m, ruleReference, path, "AlertProvider %s is not among the files%s", alert.ProviderRef.Name, l.similar(alert.ProviderRef.Name, kindAlertProvider))
		}
	}
}

// similar asks whether another name was meant.
func (l *linter) similar(name, kind string) string {
	var names []string
	for _, m := range l.objects {
		if m.kind == kind && m.name != "" {
			names = append(names, m.name)
		}
	}
	if near := nearest(name, names); near != "" && near != name {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// crossNamespace warns of what agents refuse as they are installed.
func (l *linter) crossNamespace(m *manifest) {
	if m.namespace == "" {
		return
	}
	for _, err := range v1beta1.ValidateReferences(m.canary, true) {
		path := strings.Replace(err.Field, "spec.analysis", analysisPath(m), 1)
		l.at(m, ruleCrossNamespace, path, "is another namespace than the canary's, %s: an agent with --no-cross-namespace-refs, as it is installed, refuses it", m.namespace)
	}
}

// analysisPath is where the analysis of a canary is that counts.
func analysisPath(m *manifest) string {
	if m.canary.Spec.Analysis == nil && m.canary.Spec.CanaryAnalysis != nil {
		return "spec.canaryAnalysis"
	}
	return "spec.analysis"
}

// selectorLabels are those by which the agent tells pods apart, unless it is told otherwise.
var selectorLabels = []string{"app", "name", "app.kubernetes.io/name"}

// workload checks the target, if it is among the files, and its autoscalers.
func (l *linter) workload(m *manifest) {
	ref := m.canary.Spec.TargetRef
	if m.known("spec.targetRef") || m.known("spec.targetRef.kind") || m.known("spec.targetRef.name") {
		return
	}
	if ref.Kind != v1beta1.TargetDeployment && ref.Kind != v1beta1.TargetDaemonSet {
		return
	}
	target := l.lookup(m, m.namespace, ref.Name, ofKind("apps", ref.Kind))
	switch {
	case target != nil:
		l.target(m, target)
	case l.any(ofKind("apps", ref.Kind)):
		l.at(m, ruleReference, "spec.targetRef.name", "%s %s is not among the files%s", ref.Kind, ref.Name, l.similar(ref.Name, ref.Kind))
	}
	l.autoscalers(m)
}

func (l *linter) target(m, target *manifest) {
	what := fmt.Sprintf("%s %s (%s)", target.kind, target.name, l.where(m, target))
	labels := target.root.get("spec", "selector", "matchLabels")
	if labels != nil && labels.kind == object &&
		!slices.ContainsFunc(selectorLabels, func(key string) bool { return labels.get(key) != nil }) {
		l.at(m, ruleTargetLabel, "spec.targetRef", "the selector of %s has none of the labels %s, by which the agent tells the pods of the primary: add one, or start the agent with --selector-labels=%s",
			what, strings.Join(selectorLabels, ", "), strings.Join(keysOf(labels), ","))
	}
	l.ports(m, target, what)
	if replicas := target.root.get("spec", "replicas"); replicas != nil && target.kind == v1beta1.TargetDeployment && !target.told {
		target.told = true
		line, column := place(target.root, "spec.replicas")
		l.report(target, ruleTargetReplicas, "spec.replicas", line, column, fmt.Sprintf(
			"is set on the target of canary %s, which the agent scales to zero when it is idle: a GitOps tool would scale it up again; leave it out, or let the tool ignore it", m.name))
	}
}

func keysOf(v *value) []string {
	var keys []string
	for _, e := range v.entries {
		keys = append(keys, e.key)
	}
	return keys
}

func (l *linter) ports(m, target *manifest, what string) {
	var names, numbers []string
	for _, container := range target.root.list("spec", "template", "spec", "containers") {
		for _, port := range container.list("ports") {
			if name := port.text("name"); name != "" {
				names = append(names, name)
			}
			if number := port.get("containerPort"); number != nil {
				numbers = append(numbers, fmt.Sprint(number.scalar))
			}
		}
	}
	path := "spec.service.targetPort"
	if m.root.get("spec", "service", "targetPort") == nil {
		path = "spec.service.port"
	}
	port := m.canary.TargetPort()
	switch {
	case m.known(path):
	case port.Type == intstr.String && !slices.Contains(names, port.StrVal):
		has := "has no named ports"
		if len(names) > 0 {
			has = "has " + strings.Join(names, ", ")
		}
		l.at(m, ruleTargetPort, path, "%s has no port named %s; it %s", what, quoted(port.StrVal), has)
	case port.Type == intstr.Int && port.IntVal > 0 && len(numbers) > 0 && !slices.Contains(numbers, fmt.Sprint(port.IntVal)):
		l.sever(m, Warning, ruleTargetPort, path, "%s does not name port %d among its own, %s", what, port.IntVal, strings.Join(numbers, ", "))
	}
}

// autoscalers checks that the one of the target is the one that the canary names.
func (l *linter) autoscalers(m *manifest) {
	hpa, scaled := ofKind("autoscaling", v1beta1.AutoscalerHPA), ofKind("keda.sh", v1beta1.AutoscalerScaledObject)
	is := func(o *manifest) bool { return hpa(o) || scaled(o) }
	target := m.canary.Spec.TargetRef
	if ref := m.canary.Spec.AutoscalerRef; ref != nil {
		if m.known("spec.autoscalerRef") {
			return
		}
		scaler := l.lookup(m, m.namespace, ref.Name, func(o *manifest) bool { return is(o) && o.kind == ref.Kind })
		switch {
		case scaler == nil && l.any(is):
			l.at(m, ruleReference, "spec.autoscalerRef.name", "%s %s is not among the files%s", ref.Kind, ref.Name, l.similar(ref.Name, ref.Kind))
		case scaler != nil && scaler.root.text("spec", "scaleTargetRef", "name") != target.Name:
			l.at(m, ruleAutoscaler, "spec.autoscalerRef.name", "%s %s (%s) scales %s, not the target %s", ref.Kind, ref.Name, l.where(m, scaler),
				quoted(scaler.root.text("spec", "scaleTargetRef", "name")), target.Name)
		}
		return
	}
	for _, o := range l.objects {
		if !is(o) || o.root.text("spec", "scaleTargetRef", "name") != target.Name || o.namespace != "" && m.namespace != "" && o.namespace != m.namespace ||
			(o.namespace == "" || m.namespace == "") && o.dir != m.dir {
			continue
		}
		l.at(m, ruleAutoscaler, "spec.targetRef.name", "%s %s (%s) scales the target, but not the primary, which serves: name it in spec.autoscalerRef", o.kind, o.name, l.where(m, o))
		return
	}
}

// managed finds objects that the agent makes itself.
func (l *linter) managed(m *manifest) {
	c := m.canary
	if c.IsKnative() || c.Spec.TargetRef.Kind == v1beta1.TargetService {
		return
	}
	for _, o := range l.objects {
		sameNamespace := o.namespace == m.namespace && (m.namespace != "" || o.dir == m.dir)
		if !sameNamespace || o.told {
			continue
		}
		what := ""
		switch {
		case ofKind("", v1beta1.TargetService)(o) && slices.Contains([]string{c.ApexName(), c.PrimaryServiceName(), c.CanaryServiceName()}, o.name):
			what = "its selector and ports"
		case ofKind("gateway.networking.k8s.io", "HTTPRoute")(o) && o.name == c.ApexName():
			what = "its rules"
		case ofKind("traefik.io", "TraefikService")(o) && o.name == c.ApexName():
			what = "its weights"
		default:
			continue
		}
		o.told = true
		l.report(o, ruleManaged, "metadata.name", o.root.line, o.root.column, fmt.Sprintf(
			"canary %s makes this %s: leave it out, or let the GitOps tool ignore %s (see kubectl canary doctor)", m.name, o.kind, what))
	}
}
