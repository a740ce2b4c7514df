package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

// answer of /api/v1/query.
type answer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// series of a vector. Value is a pair of a time and a number in a string.
type series struct {
	Value     []json.RawMessage `json:"value"`
	Values    json.RawMessage   `json:"values"`
	Histogram json.RawMessage   `json:"histogram"`
}

// parse finds the one value in an answer.
func parse(body []byte) (float64, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return 0, fmt.Errorf("the answer is not that of a Prometheus server: it begins with %q", egress.FirstLine(string(body)))
	}
	if a.Status != "success" {
		if said := errorIn(body); said != "" {
			return 0, errors.New(said)
		}
		return 0, fmt.Errorf("the answer has the status %q instead of success", egress.FirstLine(a.Status))
	}
	switch a.Data.ResultType {
	case "vector":
		return vector(a.Data.Result)
	case "scalar":
		var pair []json.RawMessage
		if err := json.Unmarshal(a.Data.Result, &pair); err != nil {
			return 0, errors.New("the scalar in the answer is not a pair of time and value")
		}
		return number(pair)
	case "matrix":
		return 0, errors.New("query returned multiple values: it selects a range, wrap it in a function such as rate() or last_over_time()")
	}
	return 0, fmt.Errorf("the query returned a %q: it must return one number", egress.FirstLine(a.Data.ResultType))
}

func vector(raw json.RawMessage) (float64, error) {
	var all []series
	if err := json.Unmarshal(raw, &all); err != nil {
		return 0, errors.New("the vector in the answer is not a list of series")
	}
	switch {
	case len(all) == 0:
		return 0, providers.ErrNoValues
	case len(all) > 1:
		return 0, fmt.Errorf("query returned %d series instead of one: aggregate them, for instance by sum()", len(all))
	case len(all[0].Values) > 0:
		return 0, errors.New("query returned multiple values: it selects a range, wrap it in a function such as rate() or last_over_time()")
	case len(all[0].Histogram) > 0 && len(all[0].Value) == 0:
		return 0, errors.New("query returned a histogram: wrap it in histogram_quantile() or histogram_avg()")
	}
	return number(all[0].Value)
}

// number reads a pair of time and value.
func number(pair []json.RawMessage) (float64, error) {
	if len(pair) != 2 {
		return 0, fmt.Errorf("the series in the answer has %d elements instead of a time and a value", len(pair))
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return 0, errors.New("the value in the answer is not a number in a string")
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(v, 0):
		// Also what is out of range of a float.
		return 0, &providers.InfiniteError{Negative: v < 0}
	case err != nil:
		return 0, fmt.Errorf("the value %q in the answer is not a number", egress.FirstLine(text))
	case math.IsNaN(v):
		return 0, providers.ErrNoValues
	}
	return v, nil
}

// errorIn is what the server says about an error, in one line, or "".
func errorIn(body []byte) string {
	var a answer
	if json.Unmarshal(body, &a) != nil || a.Error == "" && a.ErrorType == "" {
		return ""
	}
	if a.ErrorType == "" {
		return egress.FirstLine(a.Error)
	}
	return egress.FirstLine(a.ErrorType + ": " + a.Error)
}
