package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is one of a file.
type document struct {
	// offset is the number of lines before it.
	offset int
	data   []byte
}

// split cuts a file at the lines that begin with ---, so that a mistake in one document does not hide
// the others. YAML allows these three characters at the beginning of a line for nothing else.
func split(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var docs []document
	var current document
	line := 0
	for text := range bytes.Lines(data) {
		if bytes.HasPrefix(text, []byte("---")) && (len(text) == 3 || strings.ContainsRune(" \t\r\n", rune(text[3]))) {
			docs = append(docs, current)
			current = document{offset: line}
		}
		current.data = append(current.data, text...)
		line++
	}
	docs = append(docs, current)
	out := docs[:0]
	for _, d := range docs {
		if !d.empty() {
			out = append(out, d)
		}
	}
	return out
}

// empty is true for a document that has nothing but comments, directives and marks.
func (d document) empty() bool {
	for text := range bytes.Lines(d.data) {
		text = bytes.TrimSpace(text)
		if len(text) > 0 && text[0] != '#' && text[0] != '%' && !bytes.Equal(text, []byte("---")) && !bytes.Equal(text, []byte("...")) {
			return false
		}
	}
	return true
}

// syntaxError is a place at which a document is not YAML.
type syntaxError struct {
	line    int
	message string
}

func (e *syntaxError) Error() string { return e.message }

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(?s:(.*))$`)

// parse reads the document. The error is a *syntaxError, or says which bound it exceeds.
func (d document) parse() (v *value, duplicates []duplicate, err error) {
	// The parser is somebody else's: what it cannot take must not end the program.
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, &syntaxError{line: d.offset + 1, message: fmt.Sprint(r)}
		}
	}()
	if depthOf(d.data) > 10*maxDepth {
		return nil, nil, errDeep
	}
	var n yaml.Node
	if err := yaml.Unmarshal(asYAML(d.data), &n); err != nil {
		m := yamlLine.FindStringSubmatch(err.Error())
		line, _ := strconv.Atoi(m[1])
		return nil, nil, &syntaxError{line: d.offset + max(line, 1), message: strings.Join(strings.Fields(m[2]), " ")}
	}
	if n.Kind == 0 {
		return nil, nil, nil
	}
	r := resolver{offset: d.offset}
	v, err = r.resolve(&n, 0)
	return v, r.duplicates, err
}

// asYAML rewrites the escapes of JSON that YAML does not have, \/ and pairs of surrogates. What is not
// JSON stays as it is.
func asYAML(data []byte) []byte {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' || !bytes.ContainsRune(data, '\\') || !json.Valid(data) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			out = append(out, data[i])
			continue
		}
		switch high := unit(data[i:]); {
		case data[i+1] == '/':
			out = append(out, '/')
			i++
		case utf16.IsSurrogate(high):
			r := utf16.DecodeRune(high, unit(data[i+6:]))
			if i += 5; r != utf8.RuneError {
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, data[i], data[i+1])
			i++
		}
	}
	return out
}

// unit is the \uXXXX at the beginning of data; 0 when there is none.
func unit(data []byte) rune {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// depthOf bounds the nesting of brackets before the parser sees them: it takes the more time for each
// the deeper it is. Brackets in texts count as well, where they hardly ever open more than they close.
func depthOf(data []byte) int {
	depth, deepest := 0, 0
	for _, b := range data {
		switch b {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return deepest
}

// templateMark is what charts have in files that are no YAML before they are rendered.
var templateMark = []byte("{{")

// mentions tells whether the document can have objects of the API in it. Others may be anything.
func (d document) mentions() bool { return bytes.Contains(d.data, []byte("flagger.app")) }

// place of an error of parse.
func placeOf(d document, err error) int {
	if syntax, ok := errors.AsType[*syntaxError](err); ok {
		return syntax.line
	}
	return d.offset + 1
}

// unrendered tells whether an object has a part that only a template can have written.
func unrendered(v *value) bool {
	if v.template {
		return true
	}
	for _, e := range v.entries {
		if unrendered(e.value) {
			return true
		}
	}
	return slices.ContainsFunc(v.items, unrendered)
}
