package v1beta1

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeCanary(t *testing.T) {
	const head = `{"apiVersion":"flagger.app/v1beta1","kind":"Canary","metadata":{"name":"a","namespace":"b"},"spec":`
	tests := []struct {
		name, spec string
		want       []string // parts of the error; none: decodes
	}{
		{"plain", `{"analysis":{"stepWeight":5}}`, nil},
		{"integral floats", `{"service":{"port":80.0},"analysis":{"stepWeight":5.0,"stepWeights":[1.0,2.0]}}`, nil},
		{"unknown fields", `{"analysis":{"stepWeight":5,"later":{"x":[1]}}}`, nil},
		{"nulls", `{"service":null,"analysis":{"stepWeight":5,"metrics":null}}`, nil},
		{"fraction", `{"analysis":{"stepWeight":2.5}}`, []string{"spec.analysis.stepWeight: Invalid value: 2.5: must be a whole number"}},
		{"fraction in a list", `{"analysis":{"stepWeights":[1,2.5]}}`, []string{"spec.analysis.stepWeights[1]: Invalid value: 2.5"}},
		{"several", `{"service":{"port":80.5},"analysis":{"webhooks":[{"name":"x"},{"retries":0.5}]}}`, []string{"spec.service.port", "spec.analysis.webhooks[1].retries"}},
		{"too large", `{"analysis":{"stepWeight":99999999999}}`, []string{"spec.analysis.stepWeight"}},
		{"wrong type", `{"analysis":{"interval":5}}`, []string{"spec.analysis.interval"}},
		{"text for a list", `{"analysis":{"metrics":"none"}}`, []string{"spec.analysis.metrics"}},
		{"object for a number", `{"analysis":{"threshold":{}}}`, []string{"spec.analysis.threshold"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(head + tt.spec + "}")
			fromJSON, err := DecodeCanaryJSON(raw)
			var content map[string]any
			if err := json.Unmarshal(raw, &content); err != nil { // every number a float64
				t.Fatal(err)
			}
			fromContent, contentErr := DecodeCanary(content)
			if len(tt.want) == 0 {
				if err != nil || contentErr != nil {
					t.Fatalf("refused: %v, %v", err, contentErr)
				}
				if fromJSON.Name != "a" || fromJSON.Namespace != "b" || fromJSON.GetAnalysis().StepWeight != 5 {
					t.Errorf("decoded %+v", fromJSON)
				}
				if !reflect.DeepEqual(fromJSON, fromContent) {
					t.Errorf("decoded %+v and %+v", fromJSON, fromContent)
				}
				return
			}
			if err == nil || contentErr == nil {
				t.Fatalf("accepted: %v, %v", err, contentErr)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) || !strings.Contains(contentErr.Error(), want) {
					t.Errorf("got %v and %v, want %q", err, contentErr, want)
				}
			}
		})
	}
	for _, raw := range []string{"", "[]", "null", "{", `{"spec":[]}`, `{"status":{"lastTransitionTime":"yesterday"}}`} {
		if c, err := DecodeCanaryJSON([]byte(raw)); err == nil && raw != "null" {
			t.Errorf("%q: accepted as %+v", raw, c)
		}
	}
}

func FuzzDecodeCanary(f *testing.F) {
	f.Add([]byte(`{"spec":{"analysis":{"stepWeight":2.5}}}`))
	f.Add([]byte(`{"spec":{"service":{"targetPort":"http"}},"status":{"lastTransitionTime":null}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := DecodeCanaryJSON(raw)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		if c != nil {
			// Whatever was decoded can be asked everything without a panic.
			Validate(c)
			ValidateReferences(c, true)
			_, _ = StepPlan(c.GetAnalysis())
			_ = c.MaxWeight() + c.Threshold() + c.PrimaryReadyThreshold()
			_, _ = c.AnalysisInterval(), c.TargetPort()
		}
	})
}
