package queries

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrNoValues says that the query was answered, and that there is nothing to judge.
var ErrNoValues = errors.New("no values found")

// InfiniteError says that the answer is not a finite number, usually because of a division by zero.
type InfiniteError struct {
	// Negative is set for -Inf.
	Negative bool
}

func (e *InfiniteError) Error() string {
	sign := "+"
	if e.Negative {
		sign = "-"
	}
	return fmt.Sprintf("the query returned %sInf, which is not a number to compare with: look for a division by zero", sign)
}

// MaxAnswer is how many bytes of an answer are worth reading. One number needs far less; the rest is
// for saying how many series there were.
const MaxAnswer = 1 << 20

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

// Line makes one short line, fit to be shown, of what a server says.
type Line func(said string) string

// Value finds the one value in an answer of /api/v1/query. It fails with ErrNoValues when there is
// none, with an *InfiniteError when it is not finite, and never returns NaN. A query that returns
// several series, a range or a histogram has no single value, and the error says so. What the server
// says becomes part of errors only through line.
func Value(body []byte, line Line) (float64, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return 0, fmt.Errorf("the answer is not that of a Prometheus server: it begins with %q", line(string(body)))
	}
	if a.Status != "success" {
		if said := ErrorIn(body, line); said != "" {
			return 0, errors.New(said)
		}
		return 0, fmt.Errorf("the answer has the status %q instead of success", line(a.Status))
	}
	switch a.Data.ResultType {
	case "vector":
		return vector(a.Data.Result, line)
	case "scalar":
		var pair []json.RawMessage
		if err := json.Unmarshal(a.Data.Result, &pair); err != nil {
			return 0, errors.New("the scalar in the answer is not a pair of time and value")
		}
		return number(pair, line)
	case "matrix":
		return 0, errors.New("query returned multiple values: it selects a range, wrap it in a function such as rate() or last_over_time()")
	}
	return 0, fmt.Errorf("the query returned a %q: it must return one number", line(a.Data.ResultType))
}

func vector(raw json.RawMessage, line Line) (float64, error) {
	var all []series
	if err := json.Unmarshal(raw, &all); err != nil {
		return 0, errors.New("the vector in the answer is not a list of series")
	}
	switch {
	case len(all) == 0:
		return 0, ErrNoValues
	case len(all) > 1:
		return 0, fmt.Errorf("query returned %d series instead of one: aggregate them, for instance by sum()", len(all))
	case len(all[0].Values) > 0:
		return 0, errors.New("query returned multiple values: it selects a range, wrap it in a function such as rate() or last_over_time()")
	case len(all[0].Histogram) > 0 && len(all[0].Value) == 0:
		return 0, errors.New("query returned a histogram: wrap it in histogram_quantile() or histogram_avg()")
	}
	return number(all[0].Value, line)
}

// number reads a pair of time and value.
func number(pair []json.RawMessage, line Line) (float64, error) {
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
		return 0, &InfiniteError{Negative: v < 0}
	case err != nil:
		return 0, fmt.Errorf("the value %q in the answer is not a number", line(text))
	case math.IsNaN(v):
		return 0, ErrNoValues
	}
	return v, nil
}

// ErrorIn is what the server says about an error, or "".
func ErrorIn(body []byte, line Line) string {
	var a answer
	if json.Unmarshal(body, &a) != nil || a.Error == "" && a.ErrorType == "" {
		return ""
	}
	if a.ErrorType == "" {
		return line(a.Error)
	}
	return line(a.ErrorType + ": " + a.Error)
}
