package queries_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

const vectorAnswer = `{"status":"success","data":{"resultType":"vector","result":[%s]}}`

func TestValue(t *testing.T) {
	tests := []struct {
		name, body string
		want       float64
		err        string // "" when there is a value
		is         error
	}{
		{name: "one series", body: fmt.Sprintf(vectorAnswer, `{"metric":{"a":"b"},"value":[1607000000.1,"100"]}`), want: 100},
		{name: "exponent", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"1.5e-07"]}`), want: 1.5e-07},
		{name: "scalar", body: `{"status":"success","data":{"resultType":"scalar","result":[1607000000,"2.5"]}}`, want: 2.5},
		{name: "empty", body: fmt.Sprintf(vectorAnswer, ""), err: "no values found", is: queries.ErrNoValues},
		{name: "null result", body: `{"status":"success","data":{"resultType":"vector","result":null}}`, err: "no values", is: queries.ErrNoValues},
		{name: "NaN", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"NaN"]}`), err: "no values", is: queries.ErrNoValues},
		{name: "scalar NaN", body: `{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}`, err: "no values", is: queries.ErrNoValues},
		{name: "+Inf", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"+Inf"]}`), err: "+Inf"},
		{name: "-Inf", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"-Inf"]}`), err: "-Inf"},
		{name: "too large for a float", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"1e999"]}`), err: "+Inf"},
		{name: "two series", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"1"]},{"value":[1,"2"]}`), err: "2 series"},
		{name: "no pair", body: fmt.Sprintf(vectorAnswer, `{"metric":{}}`), err: "0 elements"},
		{name: "half a pair", body: fmt.Sprintf(vectorAnswer, `{"value":[1]}`), err: "1 elements"},
		{name: "three elements", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"2","3"]}`), err: "3 elements"},
		{name: "number instead of string", body: fmt.Sprintf(vectorAnswer, `{"value":[1,2]}`), err: "not a number in a string"},
		{name: "not a number", body: fmt.Sprintf(vectorAnswer, `{"value":[1,"ten"]}`), err: `"ten"`},
		{name: "native histogram", body: fmt.Sprintf(vectorAnswer, `{"histogram":[1,{"count":"3"}]}`), err: "histogram_quantile"},
		{name: "vector with values", body: fmt.Sprintf(vectorAnswer, `{"values":[[1,"1"],[2,"2"]]}`), err: "multiple values"},
		{name: "matrix", body: `{"status":"success","data":{"resultType":"matrix","result":[]}}`, err: "multiple values"},
		{name: "string", body: `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, err: `"string"`},
		{name: "error with status 200", body: `{"status":"error","errorType":"bad_data","error":"no\nway"}`, err: "bad_data: no"},
		{name: "no status", body: `{}`, err: `status ""`},
		{name: "page", body: "<!doctype html>\n<title>Login", err: "<!doctype html>"},
		{name: "nothing", body: "", err: "not that of a Prometheus server"},
		{name: "result is no list", body: `{"status":"success","data":{"resultType":"vector","result":{}}}`, err: "not a list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := queries.Value([]byte(tt.body), egress.FirstLine)
			switch {
			case tt.err == "" && (err != nil || got != tt.want):
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, %v; want error %q", got, err, tt.err)
			case tt.is != nil && !errors.Is(err, tt.is):
				t.Errorf("%v is not %v", err, tt.is)
			}
			var infinite *queries.InfiniteError
			if wants := strings.HasSuffix(tt.err, "Inf"); errors.As(err, &infinite) != wants {
				t.Errorf("%v: InfiniteError %v, want %v", err, !wants, wants)
			}
		})
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{
		`{"value":[1,"1"]}`, `{"value":[1,"NaN"]}`, `{"value":[]}`, `{"value":null}`, `{"histogram":null}`, `null`, `[]`,
		`{"value":[1,"+Inf"]},{}`, `{"values":[[1,"1"]]}`,
	} {
		f.Add(fmt.Sprintf(vectorAnswer, s))
	}
	f.Add(`{"status":"success","data":{"resultType":"scalar","result":[1]}}`)
	f.Add(`{"status":"error","error":"\u001b[31m"}`)
	f.Fuzz(func(t *testing.T, body string) {
		v, err := queries.Value([]byte(body), egress.FirstLine)
		if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%v passed for a value", v)
		}
		if err != nil && (len(err.Error()) > 2000 || strings.ContainsAny(err.Error(), "\x1b\n\r\a")) {
			t.Errorf("the error is not fit for an event: %q", err)
		}
	})
}
