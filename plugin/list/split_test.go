package list

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzSplit cuts arrays, in pieces of every size, as encoding/json does.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`[]`, ` [ {} , {"a":[{}]} ] `, `[{"a":"}]{[\"\\"},{"b":"\\\"],"}]`, `[5,"x,]",null,[[1],2]]`, "[{\"\u2028é\":\"\\u007d\"}]",
		`[{"a":1}`, `[{"a":"`, `[`,
	} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		var want []json.RawMessage
		valid := json.Unmarshal([]byte(text), &want) == nil
		array, found := strings.CutPrefix(strings.TrimLeft(text, " \n\r\t"), "[")
		if !found {
			return
		}
		s := splitter{bufio.NewReaderSize(chunks{strings.NewReader(array), 1 + size&15}, 16)}
		var have []json.RawMessage
		for {
			element, err := s.next()
			if err != nil {
				if valid || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%q: %v", text, err)
				}
				return
			}
			if element == nil {
				break
			}
			have = append(have, bytes.TrimRight(element, " \n\r\t"))
		}
		if !valid {
			return // Whoever decodes an element finds out.
		}
		if len(have) != len(want) {
			t.Fatalf("%q: %q, want %q", text, have, want)
		}
		for i := range want {
			if !bytes.Equal(have[i], want[i]) {
				t.Fatalf("%q: element %d is %q, want %q", text, i, have[i], want[i])
			}
		}
	})
}

// chunks reads a few bytes at a time.
type chunks struct {
	r io.Reader
	n int
}

func (c chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }
