package view

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestCleaned(t *testing.T) {
	bad := "a\x1b[31m\u202eb\n"
	c := Canary{
		Name: bad, Phase: bad, Images: Images{Target: []string{bad}},
		Events: []Event{{Message: bad, Time: time.Unix(5, 0)}}, Metrics: []Metric{{Name: bad, Min: new(1.5), Samples: []Sample{{Verdict: bad}}}},
		Run: &Run{By: bad}, LastIntent: &Intent{Message: strings.Repeat("é", 5000)}, Pods: []Pod{{Side: Side(bad)}},
		Interval: Duration{time.Minute},
	}
	got := c.Cleaned()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(data), "\x1b\u202e") || strings.Contains(string(data), `\u001b`) || strings.Contains(string(data), `\n`) {
		t.Errorf("not clean: %s", data)
	}
	if got.Events[0].Time != c.Events[0].Time || *got.Metrics[0].Min != 1.5 || got.Interval != c.Interval {
		t.Error("values that are not strings changed")
	}
	if len(got.LastIntent.Message) > longestString+3 {
		t.Errorf("a string of %d bytes is left", len(got.LastIntent.Message))
	}
	if c.Run.By != bad || c.Images.Target[0] != bad {
		t.Error("the original changed")
	}
}
