package egress

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// BodyTooLargeError says that a response was longer than is read.
type BodyTooLargeError struct {
	// Max is how many bytes are read.
	Max int64
}

func (e *BodyTooLargeError) Error() string {
	return fmt.Sprintf("the response is longer than %d bytes", e.Max)
}

// limitedBody fails, instead of ending, at the limit: a cut response must not pass for a whole one.
type limitedBody struct {
	io.ReadCloser
	left, max int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// The body may end exactly here.
		var one [1]byte
		n, err := b.ReadCloser.Read(one[:])
		if n > 0 {
			return 0, &BodyTooLargeError{Max: b.max}
		}
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// maxLine is the length of a first line, in runes, the ellipsis included.
const maxLine = 120

// FirstLine is the first line of a response that is not blank, fit for an event, a status or a
// terminal: at most 120 runes, and whatever is not printable escaped as Go escapes it. That
// includes the characters that change the direction of text.
func FirstLine(body string) string {
	// Enough for 120 runes of any length and some blank lines; the body itself may be megabytes.
	if len(body) > 4096 {
		body = body[:4096]
	}
	line := ""
	for l := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimFunc(l, unicode.IsSpace); line != "" {
			break
		}
	}
	var out strings.Builder
	runes := 0
	for len(line) > 0 {
		r, size := utf8.DecodeRuneInString(line)
		piece := line[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			piece = `\x` + strconv.FormatUint(uint64(line[0])|0x100, 16)[1:]
		case r == '\t':
			piece = " "
		case !unicode.IsPrint(r):
			piece = strings.Trim(strconv.QuoteRune(r), "'")
		}
		line = line[size:]
		n := utf8.RuneCountInString(piece)
		if runes+n > maxLine || runes+n == maxLine && line != "" {
			out.WriteString("…")
			break
		}
		out.WriteString(piece)
		runes += n
	}
	return out.String()
}
