package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/doctor"
	"github.com/kubectl-canary/kubectl-canary/plugin/explain"
	"github.com/kubectl-canary/kubectl-canary/plugin/gate"
	"github.com/kubectl-canary/kubectl-canary/plugin/history"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/lint"
	"github.com/kubectl-canary/kubectl-canary/plugin/version"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/plugin/wait"
)

// output is one kind of JSON that verbs print.
type output struct {
	kind  string
	verbs string
	value any
}

// outputs are all kinds, in the order of the page.
func outputs() []output {
	return []output{
		{"CanaryView", "`status`", view.Canary{}},
		{"Explanation", "`explain`", explain.Explained{}},
		{"WaitResult", "`wait`; several in a List", wait.Result{}},
		{"RunHistory", "`history`; several in a List", history.History{}},
		{"Run", "`history --run`", history.FullRun{}},
		{"VerbResult", "`promote`, `abort`, `pause`, `resume`, `retry`, `rollback`, `approve`, `reject`; several in a VerbResultList", intent.Result{}},
		{"Gate", "`gate list`, in a GateList", gate.Gate{}},
		{"GateChange", "`gate open` and `gate close`", gate.Change{}},
		{"LintReport", "`lint`", lint.Report{}},
		{"DoctorReport", "`doctor`", doctor.Report{}},
		{"VersionInfo", "`version`", version.Info{}},
	}
}

const outputHead = `# Output for programs

Verbs that read print API objects where there are any (` + "`list`, `events`" + `), so -o json, jsonpath and the like work as
with kubectl get. What the plugin derives or answers has kinds of its own, of apiVersion ` + "`kubectl-canary/v1`" + `, below.

Within this version fields are added, never renamed, removed or given another meaning; a field that has nothing to say
is left out. Times are RFC 3339 in UTC, durations as in "1m30s", weights percent. Names have no meaning beyond what is
said here: match kinds and fields, not messages, which are for people.

Generated from the Go types by ` + "`make generate`" + `.
`

func writeOutput() error {
	comments, err := commentsIn(filepath.Join("..", "plugin"))
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(outputHead)
	written := map[reflect.Type]bool{}
	for _, o := range outputs() {
		t := reflect.TypeOf(o.value)
		fmt.Fprintf(&b, "\n## %s\n\nPrinted by %s.\n", o.kind, o.verbs)
		describe(&b, t, comments, written)
	}
	return os.WriteFile(filepath.Join("..", "docs", "output.md"), []byte(b.String()), 0o644) //nolint:gosec // Documents are for everybody.
}

// describe writes a table for a struct, then those of the structs in it that have none yet.
func describe(b *strings.Builder, t reflect.Type, comments map[string]string, written map[reflect.Type]bool) {
	written[t] = true
	b.WriteString("\n| field | type | |\n|---|---|---|\n")
	var below []reflect.Type
	fields(t, func(owner reflect.Type, f reflect.StructField, name string, optional bool) {
		word, inner := typeWord(f.Type)
		if optional {
			word += ", optional"
		}
		comment := comments[typeKey(owner)+"."+f.Name]
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, word, strings.ReplaceAll(comment, "|", `\|`))
		if inner != nil && !written[inner] && !slices.Contains(below, inner) {
			below = append(below, inner)
		}
	})
	for _, inner := range below {
		if written[inner] {
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n%s\n", inner.Name(), comments[typeKey(inner)])
		describe(b, inner, comments, written)
	}
}

// fields calls f for each field that JSON has, those of embedded structs included.
func fields(t reflect.Type, f func(reflect.Type, reflect.StructField, string, bool)) {
	for field := range t.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case tag == "-" || !field.IsExported() && !field.Anonymous:
		case field.Anonymous && tag == "" && field.Type.Kind() == reflect.Struct:
			fields(field.Type, f)
		default:
			f(t, field, cmp.Or(tag, field.Name), strings.Contains(options, "omit"))
		}
	}
}

func typeKey(t reflect.Type) string { return filepath.Base(t.PkgPath()) + "." + t.Name() }

// typeWord names a type for people, and returns the struct that it is about, if any.
func typeWord(t reflect.Type) (word string, inner reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time", nil
	case t == reflect.TypeFor[view.Duration](), t == reflect.TypeFor[time.Duration]():
		return "duration", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeWord(t.Elem())
	case reflect.Slice:
		word, inner = typeWord(t.Elem())
		return "list of " + word, inner
	case reflect.Map:
		return "map", nil
	case reflect.Struct:
		return "[" + t.Name() + "](#" + strings.ToLower(t.Name()) + ")", t
	case reflect.Bool:
		return "boolean", nil
	case reflect.String:
		return "string", nil
	case reflect.Float32, reflect.Float64:
		return "number", nil
	default:
		return "integer", nil
	}
}

// commentsIn collects the comments of types and their fields: "package.Type" and "package.Type.Field".
func commentsIn(dir string) (map[string]string, error) {
	comments := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			types, ok := declaration.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				addComments(comments, file.Name.Name, types, spec.(*ast.TypeSpec)) //nolint:forcetypeassert // A type declaration has no others.
			}
		}
		return nil
	})
	return comments, err
}

func addComments(comments map[string]string, pkg string, types *ast.GenDecl, spec *ast.TypeSpec) {
	key := pkg + "." + spec.Name.Name
	comments[key] = line(cmp.Or(spec.Doc.Text(), types.Doc.Text()))
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			comments[key+"."+name.Name] = line(cmp.Or(field.Doc.Text(), field.Comment.Text()))
		}
	}
}

func line(text string) string { return strings.Join(strings.Fields(text), " ") }
