package alert

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What chat systems take at least, in characters after escaping. The sum over all fields stays
// below the size of a message of each of them, so that no text can make them refuse an alert.
const (
	maxMessage = 2000
	maxTitle   = 100
	maxValue   = 500
	maxFields  = 10
)

// markup is a way to write text so that it is shown as it is.
type markup func(r rune) string

// entities is for systems whose markup is made of < and &: Slack and Google Chat. Slack's pings
// and links begin with <, too. Other characters must stay as they are: Slack decodes only these.
func entities(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// markdown is for systems that read Markdown.
func markdown(r rune) string {
	if strings.ContainsRune("\\`*_~[]<>#|", r) {
		return `\` + string(r)
	}
	return string(r)
}

// chatMarkdown is Markdown in which @all and the like notify people: a character without width
// behind the @ makes it a text.
func chatMarkdown(r rune) string {
	if r == '@' {
		return "@\u200b"
	}
	return markdown(r)
}

// verbatim is for parts that no system formats.
func verbatim(r rune) string { return string(r) }

// fit writes a text in a markup, with at most limit characters. Characters that are neither
// printable nor a line break are written as Go writes them; those that turn the direction of text
// are among them.
func fit(text string, limit int, m markup) string {
	var out strings.Builder
	left := limit
	// The start of what still has room for the ellipsis behind it.
	end := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		var piece string
		switch {
		case r == utf8.RuneError && size == 1:
			piece = `\x` + strconv.FormatUint(uint64(text[0])|0x100, 16)[1:]
		case r == '\n':
			piece = "\n"
		case r == '\t':
			piece = " "
		case !unicode.IsPrint(r):
			piece = strings.Trim(strconv.QuoteRune(r), "'")
		default:
			piece = m(r)
		}
		text = text[size:]
		n := utf8.RuneCountInString(piece)
		if n > left {
			return out.String()[:end] + "…"
		}
		out.WriteString(piece)
		if left -= n; left > 0 {
			end = out.Len()
		}
	}
	return out.String()
}
