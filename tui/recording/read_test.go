package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const header = `{"apiVersion":"kubectl-canary/v1","kind":"Recording","started":"2026-03-14T12:05:00Z"}` + "\n"

func TestReadErrors(t *testing.T) {
	canary := `{"ms":1,"from":"fleet","kind":"canary","namespace":"n","name":"a",`
	for name, c := range map[string]struct{ file, want string }{
		"empty":             {"", "the file is empty"},
		"text":              {"hello\nworld\n", "line 1: this is no recording"},
		"other JSON":        {`{"kind":"List"}` + "\n", `line 1: this is no recording of kubectl canary watch: its kind is "List"`},
		"array":             {"[]\n", "line 1: this is no recording"},
		"cut header":        {header[:40], "line 1: this is no recording"},
		"later format":      {strings.Replace(header, "/v1", "/v2", 1), `line 1: the recording has the format "kubectl-canary/v2"`},
		"no start":          {`{"apiVersion":"kubectl-canary/v1","kind":"Recording"}` + "\n", "line 1: the recording does not say when"},
		"broken line":       {header + "{\n" + canary + `"view":{}}` + "\n", "line 2: unexpected end"},
		"huge number":       {header + `{"ms":1e300,"from":"fleet","kind":"synced"}` + "\n", "line 2: json: cannot unmarshal number"},
		"years":             {header + `{"ms":9223372036854775807,"from":"fleet","kind":"synced"}` + "\n", "line 2: 9223372036854775807 ms after the beginning"},
		"no state":          {header + canary + `"x":1}` + "\n", "line 2: the canary has neither"},
		"patch of nothing":  {header + canary + `"patch":[]}` + "\n", "line 2: the patch of canary n/a has nothing before it"},
		"no view":           {header + canary + `"view":{"weight":"much"}}` + "\n", "line 2: canary n/a: json: cannot unmarshal"},
		"unknown operation": {header + canary + `"view":{}}` + "\n" + canary + `"patch":[{"op":"copy","path":"/a"}]}` + "\n", "line 3: canary n/a: operation 1 of the patch, copy"},
		"outside":           {header + canary + `"view":{"steps":[]}}` + "\n" + canary + `"patch":[{"op":"remove","path":"/steps/7"}]}` + "\n", `there is no element "7" among 0`},
		"patch after gone": {
			header + canary + `"view":{}}` + "\n" + `{"ms":1,"from":"fleet","kind":"gone","namespace":"n","name":"a"}` + "\n" + canary + `"patch":[]}` + "\n",
			"line 4: the patch of canary n/a has nothing before it",
		},
	} {
		path := filepath.Join(t.TempDir(), "file.jsonl")
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a missing file: %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		below, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		if err = below.Unwrap(); os.IsNotExist(err) {
			return err
		}
	}
}

func TestReadIsForwardCompatible(t *testing.T) {
	rec := read(t, []byte(header+
		`{"ms":5,"from":"fleet","kind":"weather","view":7}`+"\n"+
		`{"ms":"later","kind":"clock"}`+"\n"+ // a field in another form
		`{"ms":6,"from":"orbit","kind":"canary"}`+"\n"+
		"\n"+
		`{"ms":7,"from":"fleet","kind":"canary","namespace":"n","name":"a","colour":"red","view":{"weight":3,"mood":"good"}}`+"\n"))
	if rec.Skipped != 3 || rec.Truncated {
		t.Errorf("skipped %d, truncated %v", rec.Skipped, rec.Truncated)
	}
	if got := rec.Fleet(rec.End()); len(got) != 2 || got[0].(source.Canary).View.Weight != 3 {
		t.Errorf("%+v", got)
	}
}

// Every beginning of a file is a recording, as soon as the header is whole.
func TestReadTruncated(t *testing.T) {
	line := `{"ms":7,"from":"fleet","kind":"synced"}` + "\n"
	whole := header + line + line
	for n := len(header); n <= len(whole); n++ {
		rec := read(t, []byte(whole[:n]))
		cut := (n - len(header)) % len(line)
		if want := cut > 0 && cut < len(line)-1; rec.Truncated != want {
			t.Errorf("%q: truncated is %v", whole[:n], rec.Truncated)
		}
	}
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = zip.Write([]byte(whole))
	_ = zip.Flush()
	if rec := read(t, zipped.Bytes()); !rec.Truncated || len(rec.entries) != 2 { // as after a kill: no end of gzip
		t.Errorf("truncated %v, %d entries", rec.Truncated, len(rec.entries))
	}
}

// Lines that go back in time count as at the time of the one above.
func TestReadUnorderedTimes(t *testing.T) {
	rec := read(t, []byte(header+
		`{"ms":-100,"from":"fleet","kind":"synced"}`+"\n"+
		`{"ms":2000,"from":"fleet","kind":"canary","namespace":"n","name":"a","view":{"weight":1}}`+"\n"+
		`{"ms":1000,"from":"fleet","kind":"canary","namespace":"n","name":"a","view":{"weight":2}}`+"\n"))
	if got := rec.End().Sub(rec.Start()); got != 2*time.Second {
		t.Errorf("the recording is %s long", got)
	}
	if got := rec.Fleet(rec.Start().Add(1500 * time.Millisecond)); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if got := rec.Fleet(rec.End())[0].(source.Canary).View.Weight; got != 2 {
		t.Errorf("the weight is %d", got)
	}
}

// A canary that was opened and left is shown with its pods meanwhile, and as in the list before and
// after.
func TestDetailFallsBackToTheList(t *testing.T) {
	at := func(ms, from, rest string) string {
		return `{"ms":` + ms + `,"from":"` + from + `","namespace":"n","name":"a","kind":` + rest + "}\n"
	}
	rec := read(t, []byte(header+
		at("0", "fleet", `"canary","view":{"weight":1}`)+
		at("1000", "detail", `"opened"`)+
		at("2000", "detail", `"canary","view":{"weight":2,"pods":[{"name":"p"}]}`)+
		at("3000", "fleet", `"canary","view":{"weight":3}`)+
		at("4000", "detail", `"closed"`)+
		at("5000", "fleet", `"canary","view":{"weight":4}`)))
	for second, want := range []int32{1, 1, 2, 2, 2, 4} {
		v := rec.Detail(rec.Start().Add(time.Duration(second)*time.Second), "n", "a")[0].(source.Canary).View
		if v.Weight != want || (len(v.Pods) > 0) != (want == 2) || (v.PodsNote == "") != (want == 2) {
			t.Errorf("second %d: weight %d, pods %v, note %q", second, v.Weight, v.Pods, v.PodsNote)
		}
	}
}

// What was recorded with one canary open only is also a list of it.
func TestFleetOfADetail(t *testing.T) {
	rec := read(t, []byte(header+`{"ms":0,"from":"detail","kind":"canary","namespace":"n","name":"a","view":{"weight":1}}`+"\n"))
	if got := rec.Fleet(rec.End()); len(got) == 0 || got[0].(source.Canary).View.Key() != "n/a" {
		t.Errorf("%+v", got)
	}
}

func TestPatch(t *testing.T) {
	for _, c := range [][2]string{
		{`{"a":1,"b":[1,2,3]}`, `{"b":[2,3,4],"c":null}`},
		{`{"a":{"b/c":1,"~":2}}`, `{"a":{"b/c":2,"~":[]}}`},
		{`[{"n":1},{"n":2},{"n":3}]`, `[{"n":1},{"n":3},{"n":2,"x":true}]`},
		{`[]`, `[[],{},null,false,0,""]`},
		{`[[1,2],[3]]`, `{"0":1}`},
		{`null`, `{"a":null}`},
		{`{"a":null}`, `{}`},
	} {
		checkPatch(t, c[0], c[1])
	}
	for _, patch := range []string{
		`[{"op":"remove","path":""}]`, `[{"op":"add","path":"a"}]`, `[{"op":"add","path":"/x/y","value":1}]`,
		`[{"op":"replace","path":"/nothing","value":1}]`, `[{"op":"add","path":"/list/9","value":1}]`,
		`[{"op":"remove","path":"/list/-"}]`, `[{"op":"add","path":"/list/99999999999999999999","value":1}]`,
		`[{"op":"remove","path":"/list/-1"}]`, `[{"op":"move","path":"/list/0"}]`, `[{"op":"remove","path":"/list/0/0"}]`,
	} {
		var document any
		var operations []operation
		mustDecode(t, `{"list":[1]}`, &document)
		mustDecode(t, patch, &operations)
		if got, err := apply(document, operations); err == nil {
			t.Errorf("%s gives %v", patch, got)
		}
	}
}

func mustDecode(t *testing.T, data string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), to); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// checkPatch makes a patch of two documents, writes it, reads it and applies it.
func checkPatch(t *testing.T, from, to string) {
	t.Helper()
	var a, b any
	mustDecode(t, from, &a)
	mustDecode(t, to, &b)
	data, err := marshal(diff(a, b))
	if err != nil {
		t.Fatal(err)
	}
	var patch []operation
	mustDecode(t, string(data), &patch)
	got, err := apply(a, patch)
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("from %s by %s came %v (%v), want %s", from, data, got, err, to)
	}
}

func FuzzPatch(f *testing.F) {
	f.Add(`{"a":[1,2,3]}`, `{"a":[2,3,4]}`)
	f.Add(`[{"a":1},{"b":2}]`, `[{"b":2},{"a":1},{"a":1}]`)
	f.Fuzz(func(t *testing.T, from, to string) {
		if !json.Valid([]byte(from)) || !json.Valid([]byte(to)) || len(from)+len(to) > 1<<12 {
			return
		}
		var a, b any
		if json.Unmarshal([]byte(from), &a) != nil || json.Unmarshal([]byte(to), &b) != nil {
			return // A number out of range.
		}
		checkPatch(t, from, to)
	})
}

// Whatever the file says: an error or a recording that can be sought and walked through.
func FuzzRead(f *testing.F) {
	f.Add([]byte(header + `{"ms":1,"from":"fleet","kind":"canary","namespace":"n","name":"a","view":{"weight":1,"steps":[{}]}}` + "\n" +
		`{"ms":2,"from":"fleet","kind":"canary","namespace":"n","name":"a","patch":[{"op":"replace","path":"/weight","value":"x"}]}` + "\n" +
		`{"ms":3,"from":"fleet","kind":"gone","namespace":"n","name":"a"}` + "\n"))
	f.Add([]byte(header + `{"ms":-5,"from":"detail","kind":"opened","namespace":"n","name":"a"}` + "\n" +
		`{"ms":9000,"from":"detail","kind":"stale","namespace":"n","name":"a","error":"\u001b[2J"}` + "\n" +
		`{"ms":4,"from":"live","kind":"live","namespace":"n","name":"a","values":[{"metric":"m","canary":1e308}]}` + "\n"))
	f.Add([]byte(header + `{"ms":1,"kind":"action","verb":"abort","accepted":true}` + "\n" + `{"ms":1,"from":"live","kind":"canary","view":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if rec.End().Before(rec.Start()) {
			t.Errorf("from %s to %s", rec.Start(), rec.End())
		}
		half := rec.Start().Add(rec.End().Sub(rec.Start()) / 2)
		for _, key := range append(rec.Canaries(), [2]string{"n", "a"}) {
			for range rec.Updates(key[0], key[1]) {
			}
			rec.Detail(half, key[0], key[1])
			newCursor(rec, rec.live[canaryKey{key[0], key[1]}], screenLive).all(half.Sub(rec.Start()))
		}
		last := rec.Start()
		for at := range rec.Updates("", "") {
			if at.Before(last) {
				t.Errorf("%s after %s", at, last)
			}
			last = at
		}
		c := newCursor(rec, rec.fleet, screenFleet)
		for _, at := range []time.Duration{rec.length, 0, rec.length / 2, rec.length} {
			for _, ch := range c.move(at, true) {
				c.update(ch)
			}
		}
	})
}
