package list

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// splitBuffer is how much of an answer is looked at at once.
const splitBuffer = 64 << 10

// splitter cuts the elements of a JSON array by counting brackets. It does not check what is between
// them, since whoever decodes an element does; a decoder that checks costs as much as decoding does.
type splitter struct{ r *bufio.Reader }

// next returns the next element, and nil at the end of the array.
func (s splitter) next() (json.RawMessage, error) {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		switch c {
		case ' ', '\n', '\r', '\t', ',':
		case ']':
			return nil, nil
		default:
			if err := s.r.UnreadByte(); err != nil {
				return nil, err
			}
			return s.element()
		}
	}
}

// element reads up to the comma, or the end of the array, that follows the element.
func (s splitter) element() (json.RawMessage, error) {
	var element json.RawMessage
	depth, quoted, escaped, done := 0, false, false, false
	for !done {
		if _, err := s.r.Peek(1); err != nil {
			return nil, unexpected(err)
		}
		chunk, err := s.r.Peek(s.r.Buffered())
		if err != nil {
			return nil, err
		}
		end := len(chunk)
		for i, c := range chunk {
			switch {
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = c == '\\', c != '"'
			case c == '"':
				quoted = true
			case depth == 0 && (c == ',' || c == ']'):
				done = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if done {
				end = i
				break
			}
		}
		element = append(element, chunk[:end]...)
		if _, err := s.r.Discard(end); err != nil {
			return nil, err
		}
	}
	return element, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
