package v1beta1

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Validate checks what the agent needs in order to run a canary, whether or not the CRD on the
// cluster has checked it too. Each error names the field and says what would be accepted.
func Validate(c *Canary) field.ErrorList {
	path := field.NewPath("spec")
	errs := validateTarget(c, path)
	errs = append(errs, validateService(c, path.Child("service"))...)

	at := path.Child("analysis")
	if c.Spec.Analysis == nil {
		if c.Spec.CanaryAnalysis == nil {
			return append(errs, field.Required(at, "set interval, threshold and one of "+stepFields))
		}
		at = path.Child("canaryAnalysis")
	}
	return append(errs, validateAnalysis(c, at)...)
}

// ValidateReferences checks that, where cross-namespace references are blocked, the canary refers
// to nothing outside of its own namespace. An empty namespace is the canary's own.
func ValidateReferences(c *Canary, noCrossNamespaceRefs bool) field.ErrorList {
	if !noCrossNamespaceRefs {
		return nil
	}
	var errs field.ErrorList
	check := func(path *field.Path, what, name, namespace string) {
		if namespace != "" && namespace != c.Namespace {
			errs = append(errs, field.Forbidden(path.Child("namespace"), fmt.Sprintf(
				"can't access %s %s.%s, cross-namespace references are blocked: use one in namespace %s, or start the agent with --no-cross-namespace-refs=false",
				what, name, namespace, c.Namespace)))
		}
	}
	spec := field.NewPath("spec")
	if r := c.Spec.UpstreamRef; r != nil {
		check(spec.Child("upstreamRef"), "gloo upstream", r.Name, r.Namespace)
	}
	a, at := c.GetAnalysis(), spec.Child("analysis")
	for i, m := range a.Metrics {
		if m.TemplateRef != nil {
			check(at.Child("metrics").Index(i).Child("templateRef"), "metric template", m.TemplateRef.Name, m.TemplateRef.Namespace)
		}
	}
	for i, al := range a.Alerts {
		check(at.Child("alerts").Index(i).Child("providerRef"), "alert provider", al.ProviderRef.Name, al.ProviderRef.Namespace)
	}
	return errs
}

// Providers lists the traffic providers that spec.provider accepts.
func Providers() []string {
	return []string{
		ProviderApisix, ProviderAppMesh, ProviderAppMeshV1Beta2, ProviderContour,
		ProviderGatewayAPIV1, ProviderGatewayAPIV1Beta1, ProviderGloo, ProviderIstio,
		ProviderKnative, ProviderKubernetes, ProviderKuma, ProviderLinkerd, ProviderNGINX,
		ProviderOSM, ProviderSkipper, ProviderSMIV1Alpha1, ProviderSMIV1Alpha2,
		ProviderSMIV1Alpha3, ProviderTraefik,
	}
}

func validateTarget(c *Canary, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	target, at := c.Spec.TargetRef, path.Child("targetRef")
	kinds := []string{TargetDaemonSet, TargetDeployment, TargetService}
	switch {
	case target.Kind == "":
		errs = append(errs, field.Required(at.Child("kind"), "one of "+strings.Join(kinds, ", ")))
	case !slices.Contains(kinds, target.Kind):
		errs = append(errs, field.NotSupported(at.Child("kind"), target.Kind, kinds))
	}
	if target.APIVersion == "" {
		errs = append(errs, field.Required(at.Child("apiVersion"), "such as apps/v1"))
	}
	if target.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), "the name of the workload in the namespace of the Canary"))
	}

	provider := c.Spec.Provider
	if provider != "" && !slices.Contains(Providers(), provider) {
		errs = append(errs, field.NotSupported(path.Child("provider"), provider, Providers()))
	}
	switch knative := c.IsKnative(); {
	case knative && provider != "" && provider != ProviderKnative:
		errs = append(errs, field.Invalid(path.Child("provider"), provider,
			"can't be used with a Knative Service as target: set knative"))
	case !knative && provider == ProviderKnative && target.Kind != "":
		errs = append(errs, field.Invalid(at, target.APIVersion+"/"+target.Kind,
			"can't be the target with provider knative: use a Service of "+KnativeServiceAPIVersion))
	case knative && c.Spec.AutoscalerRef != nil:
		errs = append(errs, field.Forbidden(path.Child("autoscalerRef"),
			"can't be used with a Knative Service, which scales itself: remove it"))
	}

	if r := c.Spec.AutoscalerRef; r != nil {
		at := path.Child("autoscalerRef")
		if r.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), "the name of the autoscaler of the target"))
		}
		kinds := []string{AutoscalerHPA, AutoscalerScaledObject}
		if !slices.Contains(kinds, r.Kind) {
			errs = append(errs, field.NotSupported(at.Child("kind"), r.Kind, kinds))
		}
		if n := r.PrimaryScalerReplicas; n != nil && n.MinReplicas != nil && n.MaxReplicas != nil && *n.MinReplicas > *n.MaxReplicas {
			errs = append(errs, field.Invalid(at.Child("primaryScalerReplicas", "minReplicas"), *n.MinReplicas,
				fmt.Sprintf("must be at most maxReplicas, %d", *n.MaxReplicas)))
		}
	}
	return errs
}

func validateService(c *Canary, path *field.Path) field.ErrorList {
	if c.IsKnative() {
		return nil
	}
	var errs field.ErrorList
	s := &c.Spec.Service
	switch {
	case s.Port == 0:
		errs = append(errs, field.Required(path.Child("port"), "the port of the generated Services, 1 to 65535"))
	case s.Port < 0 || s.Port > 65535:
		errs = append(errs, field.Invalid(path.Child("port"), s.Port, "must be 1 to 65535"))
	}
	switch p := c.TargetPort(); {
	case p.Type == intstr.Int && s.TargetPort.IntVal != 0 && (p.IntVal < 1 || p.IntVal > 65535):
		errs = append(errs, field.Invalid(path.Child("targetPort"), p.IntVal, "must be 1 to 65535, or the name of a container port"))
	case p.Type == intstr.String:
		for _, msg := range validation.IsValidPortName(p.StrVal) {
			errs = append(errs, field.Invalid(path.Child("targetPort"), p.StrVal, "must be a port number or the name of a container port: "+msg))
		}
	}
	if s.Name != "" {
		for _, msg := range validation.IsDNS1035Label(s.Name) {
			errs = append(errs, field.Invalid(path.Child("name"), s.Name, "must be the name of a Service: "+msg))
		}
	}
	if s.Delegation && (len(s.Hosts) > 0 || len(s.Gateways) > 0) {
		errs = append(errs, field.Forbidden(path.Child("delegation"),
			"can't be combined with hosts and gateways, which the delegating VirtualService has: remove them"))
	}
	for i, m := range s.Match {
		errs = append(errs, validateMatch(m, path.Child("match").Index(i), false)...)
	}
	if s.CorsPolicy != nil {
		for i, m := range s.CorsPolicy.AllowOrigins {
			errs = append(errs, validateString(m, path.Child("corsPolicy", "allowOrigins").Index(i), true)...)
		}
	}
	return errs
}

func validateAnalysis(c *Canary, path *field.Path) field.ErrorList {
	a := c.GetAnalysis()
	errs := duration(path.Child("interval"), a.Interval, time.Second, "such as 30s or 1m")
	errs = append(errs, validateSteps(a, path)...)
	if noSteps(a) && c.Spec.Provider != ProviderKubernetes && !c.Spec.SkipAnalysis {
		errs = append(errs, stepsMissing(path))
	}
	for i, s := range a.Steps {
		errs = append(errs, duration(path.Child("steps").Index(i).Child("hold"), s.Hold, time.Second, "such as 30s, 10m or 1h30m")...)
	}
	errs = append(errs, percent(path.Child("stepWeightPromotion"), a.StepWeightPromotion)...)
	errs = append(errs, percent(path.Child("mirrorWeight"), a.MirrorWeight)...)
	errs = append(errs, percent(path.Child("primaryReadyThreshold"), int32Or(a.PrimaryReadyThreshold, 0))...)
	errs = append(errs, percent(path.Child("canaryReadyThreshold"), int32Or(a.CanaryReadyThreshold, 0))...)

	if len(a.Match) > 0 && a.Iterations < 1 && c.Spec.Provider != ProviderKubernetes {
		errs = append(errs, field.Forbidden(path.Child("match"),
			"needs iterations: set it to the number of checks of the A/B run, in place of the weights"))
	}
	for i, m := range a.Match {
		errs = append(errs, validateMatch(m, path.Child("match").Index(i), true)...)
	}
	if s := a.SessionAffinity; s != nil {
		at := path.Child("sessionAffinity")
		errs = append(errs, cookieName(at.Child("cookieName"), s.CookieName, true)...)
		errs = append(errs, cookieName(at.Child("primaryCookieName"), s.PrimaryCookieName, false)...)
		if s.CookieName != "" && s.CookieName == s.PrimaryCookieName {
			errs = append(errs, field.Invalid(at.Child("primaryCookieName"), s.PrimaryCookieName,
				"can't use the same cookie name for both primary and cookie name: choose another"))
		}
		if s.MaxAge < 0 {
			errs = append(errs, field.Invalid(at.Child("maxAge"), s.MaxAge, "must be a number of seconds, 0 or more"))
		}
	}
	errs = append(errs, policy(path.Child("noData"), a.NoData)...)
	for i, m := range a.Metrics {
		errs = append(errs, validateMetric(m, path.Child("metrics").Index(i))...)
	}
	for i, al := range a.Alerts {
		if al.ProviderRef.Name == "" {
			errs = append(errs, field.Required(path.Child("alerts").Index(i).Child("providerRef", "name"), "the name of an AlertProvider"))
		}
	}
	type hook struct {
		hookType HookType
		name     string
	}
	seen := map[hook]bool{}
	for i, w := range a.Webhooks {
		at := path.Child("webhooks").Index(i)
		errs = append(errs, validateWebhook(w, at)...)
		key := hook{w.HookType(), w.Name}
		if seen[key] && w.Name != "" {
			// What a hook has answered is kept by type and name; the second would never be called.
			errs = append(errs, field.Invalid(at.Child("name"), w.Name, "give each webhook of type "+string(w.HookType())+" a name of its own"))
		}
		seen[key] = true
	}
	return append(errs, validateGates(a.Gates, path.Child("gates"))...)
}

func validateMetric(m CanaryMetric, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if m.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "a name, or one of the builtin "+MetricSuccessRate+", "+MetricDuration))
	}
	switch {
	case m.TemplateRef != nil && m.TemplateRef.Name == "":
		errs = append(errs, field.Required(path.Child("templateRef", "name"), "the name of a MetricTemplate"))
	case m.TemplateRef == nil && m.Query == "" && !m.IsBuiltin():
		errs = append(errs, field.Required(path.Child("templateRef"), fmt.Sprintf(
			"metric %q is not builtin: set templateRef, or query, or use the name %s or %s", m.Name, MetricSuccessRate, MetricDuration)))
	}
	errs = append(errs, duration(path.Child("interval"), m.Interval, time.Second, "such as 30s or 1m")...)
	if r := m.ThresholdRange; r != nil && r.Min != nil && r.Max != nil && *r.Min > *r.Max {
		errs = append(errs, field.Invalid(path.Child("thresholdRange", "min"), *r.Min,
			fmt.Sprintf("must be at most max, %g: no value would be accepted", *r.Max)))
	}
	errs = append(errs, policy(path.Child("noData"), m.NoData)...)
	if m.MinRequests < 0 {
		errs = append(errs, field.Invalid(path.Child("minRequests"), m.MinRequests, "must be 0 or more"))
	}
	if v := m.VersusPrimary; v != nil {
		at := path.Child("versusPrimary")
		if v.MaxRatio == nil && v.MinRatio == nil && v.MaxIncrease == nil && v.MaxDecrease == nil {
			errs = append(errs, field.Required(at, "one of maxRatio, minRatio, maxIncrease, maxDecrease"))
		}
		if v.MinRatio != nil && v.MaxRatio != nil && *v.MinRatio > *v.MaxRatio {
			errs = append(errs, field.Invalid(at.Child("minRatio"), *v.MinRatio, fmt.Sprintf("must be at most maxRatio, %g", *v.MaxRatio)))
		}
	}
	return errs
}

func validateWebhook(w CanaryWebhook, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if w.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), "a name for the webhook"))
	}
	if !slices.Contains(HookTypes(), w.HookType()) {
		errs = append(errs, field.NotSupported(path.Child("type"), w.Type, HookTypes()))
	}
	if u, err := url.Parse(w.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, field.Invalid(path.Child("url"), w.URL, "must be absolute, such as http://host.namespace/path"))
	}
	if w.Retries < 0 {
		errs = append(errs, field.Invalid(path.Child("retries"), w.Retries, "must be 0 or more"))
	}
	return append(errs, duration(path.Child("timeout"), w.Timeout, time.Millisecond, "such as 10s")...)
}

func validateGates(gates []CanaryGate, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, g := range gates {
		at := path.Index(i)
		switch {
		case g.Name == "":
			errs = append(errs, field.Required(at.Child("name"), "a name for kubectl canary approve"))
		case seen[g.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), g.Name))
		}
		seen[g.Name] = true
		if points := []GatePoint{GateRollout, GateTraffic, GatePromotion}; !slices.Contains(points, g.At) {
			errs = append(errs, field.NotSupported(at.Child("at"), g.At, points))
		}
		if actions := []GateTimeoutAction{GateAbort, GateContinue}; !slices.Contains(actions, g.TimeoutAction()) {
			errs = append(errs, field.NotSupported(at.Child("onTimeout"), g.OnTimeout, actions))
		}
		errs = append(errs, duration(at.Child("timeout"), g.Timeout, time.Second, "such as 30m or 2h")...)
	}
	return errs
}

// validateMatch checks a match. In an A/B run each must select something: one that is empty would
// send all traffic to the canary.
func validateMatch(m HTTPMatchRequest, path *field.Path, abTesting bool) field.ErrorList {
	var errs field.ErrorList
	for name, s := range map[string]*StringMatch{"uri": m.URI, "scheme": m.Scheme, "method": m.Method, "authority": m.Authority} {
		if s != nil {
			errs = append(errs, validateString(*s, path.Child(name), false)...)
		}
	}
	for name, set := range map[string]map[string]StringMatch{"headers": m.Headers, "withoutHeaders": m.WithoutHeaders, "queryParams": m.QueryParams} {
		for key, s := range set {
			errs = append(errs, validateString(s, path.Child(name).Key(key), abTesting && name == "headers")...)
			if s.Suffix != "" && (!abTesting || name != "headers") {
				errs = append(errs, field.Forbidden(path.Child(name).Key(key).Child("suffix"),
					"is only accepted in analysis.match[].headers: use regex"))
			}
		}
	}
	if abTesting && m.URI == nil && m.Scheme == nil && m.Method == nil && m.Authority == nil && m.Port == 0 &&
		len(m.Headers) == 0 && len(m.WithoutHeaders) == 0 && len(m.QueryParams) == 0 &&
		len(m.SourceLabels) == 0 && m.SourceNamespace == "" && len(m.Gateways) == 0 {
		errs = append(errs, field.Required(path, "an empty match would send all traffic to the canary: set headers, queryParams or sourceLabels"))
	}
	slices.SortFunc(errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) })
	return errs
}

// validateString checks that at most one way of matching is set, and that one is if it is required.
func validateString(s StringMatch, path *field.Path, required bool) field.ErrorList {
	n := 0
	for _, v := range []string{s.Exact, s.Prefix, s.Suffix, s.Regex} {
		if v != "" {
			n++
		}
	}
	switch {
	case n > 1:
		return field.ErrorList{field.Forbidden(path, "keep one of exact, prefix, suffix, regex")}
	case n == 0 && required:
		return field.ErrorList{field.Required(path, "one of exact, prefix, regex")}
	default:
		return nil
	}
}

func duration(path *field.Path, s string, least time.Duration, example string) field.ErrorList {
	if s == "" {
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return field.ErrorList{field.Invalid(path, s, "must be a duration "+example)}
	}
	if d < least {
		return field.ErrorList{field.Invalid(path, s, fmt.Sprintf("must be at least %s, %s", least, example))}
	}
	return nil
}

func policy(path *field.Path, p NoDataPolicy) field.ErrorList {
	accepted := []NoDataPolicy{NoDataFail, NoDataHold, NoDataPass}
	if p == "" || slices.Contains(accepted, p) {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, p, accepted)}
}

// cookieName accepts the token characters of RFC 6265.
func cookieName(path *field.Path, name string, required bool) field.ErrorList {
	if name == "" {
		if required {
			return field.ErrorList{field.Required(path, "a cookie name, such as canary-session")}
		}
		return nil
	}
	for _, r := range name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return field.ErrorList{field.Invalid(path, name, "must be letters, digits and any of !#$%&'*+-.^_`|~")}
		}
	}
	return nil
}
