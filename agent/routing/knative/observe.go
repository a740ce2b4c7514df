package knative

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Observe implements routing.Provider. Before the primary is marked there is no route: the entries
// are the user's.
func (Provider) Observe(c *v1beta1.Canary, live routing.Objects) (routing.Observation, error) {
	object := live[refOf(c)]
	if object == nil {
		return routing.Observation{}, nil
	}
	primary := object.GetAnnotations()[primaryRevision]
	wanted, err := entriesAt(object, "spec")
	if primary == "" || (err == nil && len(wanted) == 0) {
		return routing.Observation{}, nil
	}
	seen := routing.Observation{Exists: true, Reports: true}
	if err != nil {
		return seen, malformed(c, err)
	}
	if seen.Split, err = splitOf(wanted, primary); err != nil {
		return seen, malformed(c, err)
	}
	seen.Message = unconfirmed(object, primary, seen.Split)
	seen.Confirmed = seen.Message == ""
	return seen, nil
}

// unconfirmed says what is missing until the ingress routes as the spec says; nothing when it does.
func unconfirmed(object *unstructured.Unstructured, primary string, wanted routing.Split) string {
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if observed < object.GetGeneration() {
		return "Knative has not looked at the newest spec yet"
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	ready := "its condition RoutesReady is not there yet"
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if !ok || condition["type"] != "RoutesReady" {
			continue
		}
		ready = ""
		if condition["status"] != "True" {
			ready = fmt.Sprintf("RoutesReady is %v: %v", condition["status"], condition["message"])
		}
	}
	if ready != "" {
		return ready
	}
	entries, err := entriesAt(object, "status")
	if err != nil {
		return err.Error()
	}
	split, err := splitOf(entries, primary)
	switch {
	case err != nil:
		return err.Error()
	case split != wanted:
		return fmt.Sprintf("status.traffic still gives the newest revision %d %%", split.Canary)
	}
	return ""
}

// entry is one of the entries of spec.traffic or status.traffic.
type entry struct {
	latest        bool
	revision, tag string
	percent       int64
}

// entriesAt reads the traffic of the spec or the status; none is not an error.
func entriesAt(object *unstructured.Unstructured, part string) ([]entry, error) {
	value, found, err := unstructured.NestedFieldNoCopy(object.Object, part, "traffic")
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if found && value != nil && !ok {
		return nil, fmt.Errorf("%s.traffic is no list", part)
	}
	entries := make([]entry, 0, len(list))
	for i, item := range list {
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s.traffic[%d] is no object", part, i)
		}
		var e entry
		e.latest, _ = fields["latestRevision"].(bool)
		e.revision, _ = fields["revisionName"].(string)
		e.tag, _ = fields["tag"].(string)
		if !e.latest && e.revision == "" {
			e.latest = true // Knative's own default.
		}
		if percent := fields["percent"]; percent != nil {
			if e.percent, ok = routing.Integer(percent); !ok || e.percent < 0 || e.percent > 100 {
				return nil, fmt.Errorf("%s.traffic[%d].percent is %v, not a whole number from 0 to 100", part, i, percent)
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// splitOf adds up what goes to the newest Revision and to the primary.
func splitOf(entries []entry, primary string) (routing.Split, error) {
	var toPrimary, toCanary int64
	for _, e := range entries {
		switch {
		case e.latest:
			toCanary += e.percent
		case e.revision == primary:
			toPrimary += e.percent
		case e.percent > 0:
			return routing.Split{}, fmt.Errorf("%d %% go to revision %s, which is neither the newest nor the primary %s", e.percent, e.revision, primary)
		}
	}
	if toPrimary+toCanary != 100 {
		return routing.Split{}, errors.New("the entries of the newest revision and of the primary do not add up to 100 %")
	}
	return routing.Split{Primary: int32(toPrimary), Canary: int32(toCanary)}, nil
}

func malformed(c *v1beta1.Canary, err error) error {
	return &routing.MalformedError{Kind: "Knative Service", Namespace: c.Namespace, Name: c.Spec.TargetRef.Name, Problem: err.Error()}
}
