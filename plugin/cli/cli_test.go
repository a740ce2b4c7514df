package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err     error
		code    int
		message string
	}{
		{errors.New("no"), 1, "no"},
		{Usagef("which %s?", "one"), 2, "which one?"},
		{fmt.Errorf("wrapped: %w", Failed("rolled back")), 3, "wrapped: rolled back"},
		{TimedOut("late"), 4, "late"},
		{context.DeadlineExceeded, 4, "context deadline exceeded"},
		{fmt.Errorf("reading: %w", context.Canceled), 130, ""},
		{&ExitError{Code: 3}, 3, ""},
	} {
		if code := CodeOf(c.err); code != c.code {
			t.Errorf("%v: code %d, want %d", c.err, code, c.code)
		}
		if message := Message(c.err); message != c.message {
			t.Errorf("%v: message %q, want %q", c.err, message, c.message)
		}
	}
	if CodeOf(nil) != 0 {
		t.Error("no error is not done")
	}
}

func TestName(t *testing.T) {
	for arg, want := range map[string]string{
		"app": "app", "canary/app": "app", "Canaries/app": "app", "canary.flagger.app/app": "app",
		"": "", "canary/": "", "pod/app": "", "canary/a/b": "",
	} {
		if name, err := Name(arg); name != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", arg, name, err)
		}
	}
}

func TestNearest(t *testing.T) {
	all := []string{"frontend", "backend", "backend-api", "db", "payments"}
	for name, want := range map[string][]string{
		"bakend":  {`"backend"`},
		"back":    {`"backend"`, `"backend-api"`},
		"dc":      {`"db"`},
		"unknown": nil,
	} {
		if have := nearest(name, all); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %v, want %v", name, have, want)
		}
	}
}

func TestOutput(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
		"metadata": map[string]any{"name": "app", "managedFields": []any{}},
	}}
	for format, want := range map[string]string{
		"json":                              "{\n    \"apiVersion\": \"flagger.app/v1beta1\",\n    \"kind\": \"Canary\",\n    \"metadata\": {\n        \"name\": \"app\"\n    }\n}\n",
		"yaml":                              "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata:\n  name: app\n",
		"name":                              "canary.flagger.app/app\n",
		"jsonpath={.metadata.name}":         "app",
		"jsonpath=.metadata.name":           "app",
		"jsonpath=metadata.name":            "app",
		"jsonpath={.none}":                  "",
		"jsonpath-as-json={.metadata.name}": "[\n    \"app\"\n]\n",
		"go-template={{.kind}}":             "Canary",
	} {
		o := Output{Format: format, allowMissing: true}
		var b bytes.Buffer
		d := Deps{Streams: genericiooptions.IOStreams{Out: &b}}
		if err := d.Print(&o, object.DeepCopy()); err != nil || b.String() != want {
			t.Errorf("-o %s: %q, %v; want %q", format, b.String(), err, want)
		}
	}
	object.SetName("a\x1b]0;b\u009b")
	for terminal, want := range map[bool]string{true: `a^[]0;b\u009b`, false: "a\x1b]0;b\u009b"} {
		var b bytes.Buffer
		d := Deps{Streams: genericiooptions.IOStreams{Out: &b}, Terminal: Terminal{Out: terminal}}
		if err := d.Print(&Output{Format: "jsonpath={.metadata.name}"}, object); err != nil || b.String() != want {
			t.Errorf("terminal %t: %q, %v; want %q", terminal, b.String(), err, want)
		}
	}
	o := Output{Format: "wide", Formats: []string{"wide"}}
	if !o.Table() || o.Validate() != nil {
		t.Error("wide is a table")
	}
	for _, format := range []string{"wide", "table", "jsonpath", "go-template={{", "go-template-file=/none", "jsonpath={"} {
		o := Output{Format: format}
		if err := o.Validate(); CodeOf(err) != CodeUsage {
			t.Errorf("-o %s: %v", format, err)
		}
	}
}

func TestDryRun(t *testing.T) {
	cmd := &cobra.Command{}
	var d DryRun
	d.AddFlag(cmd)
	for arg, want := range map[string]string{"none": "", "client": " (dry run)", "server": " (server dry run)"} {
		if err := cmd.ParseFlags([]string{"--dry-run", arg}); err != nil || d.Suffix() != want || d.String() != arg {
			t.Errorf("%s: %v, %q, %q", arg, err, d.Suffix(), d.String())
		}
	}
	if err := cmd.ParseFlags([]string{"--dry-run=true"}); err == nil {
		t.Error("true is not a value")
	}
}
