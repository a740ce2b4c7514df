//go:build linux

package pty

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// screen is the text of a terminal. It knows the sequences that the renderer of the plugin writes and
// lists those that it does not.
type screen struct {
	width, height int
	rows          [][]string // by row and column; empty right of a wide character
	x, y          int
	top, bottom   int // of the region that scrolls, inclusive
	wrap          bool
	// held is true between the begin and the end of a synchronized update.
	held    bool
	drawn   string // character before the cursor, to be repeated
	rest    []byte // beginning of a sequence whose end was not read yet
	parser  *ansi.Parser
	answers []byte
	unknown []string
}

func newScreen(width, height int) *screen {
	s := &screen{width: width, height: height, bottom: height - 1, wrap: true, drawn: " ", parser: ansi.NewParser()}
	s.rows = make([][]string, height)
	for y := range s.rows {
		s.rows[y] = s.blank()
	}
	return s
}

func (s *screen) blank() []string { return slices.Repeat([]string{" "}, s.width) }

func (s *screen) text() string {
	var b strings.Builder
	for _, row := range s.rows {
		b.WriteString(strings.TrimRight(strings.Join(row, ""), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// write takes in what the program has written and returns the answers to queries in it.
func (s *screen) write(p []byte) []byte {
	p = append(s.rest, p...)
	s.rest, s.answers = nil, nil
	var escape []byte // It may be the end of a string, which only the next byte tells.
	if n := len(p) - 1; n >= 0 && p[n] == ansi.ESC {
		p, escape = p[:n], []byte{ansi.ESC}
	}
	for len(p) > 0 {
		seq, width, n, state := ansi.DecodeSequence(p, ansi.NormalState, s.parser)
		if state != ansi.NormalState || n == len(p) && !utf8.Valid(seq) && p[0] >= 0x80 {
			s.rest = bytes.Clone(p)
			break
		}
		switch {
		case width > 0:
			s.put(string(seq), width)
		case len(seq) == 1:
			s.control(seq[0])
		default:
			s.sequence(seq)
		}
		p = p[n:]
	}
	s.rest = append(s.rest, escape...)
	return s.answers
}

func (s *screen) put(char string, width int) {
	if s.x+width > s.width {
		if s.wrap {
			s.x = 0
			s.feed()
		} else {
			s.x = s.width - width
		}
	}
	row := s.rows[s.y]
	row[s.x] = char
	for i := 1; i < width; i++ {
		row[s.x+i] = ""
	}
	s.x += width // Past the last column: the next character wraps.
	s.drawn = char
}

func (s *screen) control(c byte) {
	switch c {
	case '\r':
		s.x = 0
	case '\n':
		s.feed()
	case '\b':
		s.x = max(0, min(s.x, s.width-1)-1)
	case '\t':
		s.x = min(s.width-1, (s.x/8+1)*8)
	case '\a':
	default:
		s.strange([]byte{c})
	}
}

func (s *screen) feed() {
	if s.y == s.bottom {
		s.scroll(s.top, 1)
	} else {
		s.y = min(s.height-1, s.y+1)
	}
}

// scroll moves the lines from the given one to the end of the region up by n, or down by -n.
func (s *screen) scroll(from, n int) {
	region := s.rows[from : s.bottom+1]
	n = max(-len(region), min(len(region), n))
	if n < 0 {
		copy(region[-n:], region[:len(region)+n])
		for i := range -n {
			region[i] = s.blank()
		}
		return
	}
	copy(region, region[n:])
	for i := len(region) - n; i < len(region); i++ {
		region[i] = s.blank()
	}
}

func (s *screen) erase(y, from, to int) {
	for x := max(0, from); x < min(to, s.width); x++ {
		s.rows[y][x] = " "
	}
}

// sequence carries out an escape sequence.
func (s *screen) sequence(seq []byte) {
	cmd := ansi.Cmd(s.parser.Command())
	switch {
	case ansi.HasCsiPrefix(seq):
		if cmd.Prefix() != 0 || cmd.Intermediate() != 0 {
			s.private(seq, cmd)
		} else if !s.move(cmd.Final()) && !s.change(cmd.Final()) {
			s.strange(seq)
		}
	case ansi.HasOscPrefix(seq):
		switch s.parser.Command() {
		case 10:
			s.answer("\x1b]10;rgb:dddd/dddd/dddd\x1b\\")
		case 11:
			s.answer("\x1b]11;rgb:1010/1010/1414\x1b\\")
		}
	case bytes.Equal(seq, []byte("\x1bM")):
		if s.y == s.top {
			s.scroll(s.top, -1)
		} else {
			s.y = max(0, s.y-1)
		}
	case ansi.HasDcsPrefix(seq), ansi.HasApcPrefix(seq): // Features that this terminal does not have.
	default:
		s.strange(seq)
	}
}

// arg is a parameter of the sequence; zero and none are the default.
func (s *screen) arg(i, standard int) int {
	if n, _ := s.parser.Param(i, standard); n != 0 {
		return n
	}
	return standard
}

// move carries out a movement of the cursor; it is false for other sequences.
func (s *screen) move(final byte) bool {
	x, y, n := min(s.x, s.width-1), s.y, s.arg(0, 1)
	switch final {
	case 'A':
		y -= n
	case 'B':
		y += n
	case 'C':
		x += n
	case 'D':
		x -= n
	case 'E':
		x, y = 0, y+n
	case 'F':
		x, y = 0, y-n
	case 'G', '`':
		x = n - 1
	case 'd':
		y = n - 1
	case 'H', 'f':
		x, y = s.arg(1, 1)-1, n-1
	case 'I':
		x = (x/8 + n) * 8
	case 'Z':
		x = ((x+7)/8 - n) * 8
	default:
		return false
	}
	s.x, s.y = max(0, min(x, s.width-1)), max(0, min(y, s.height-1))
	return true
}

// change carries out a sequence that changes what is on the screen, or asks for something.
func (s *screen) change(final byte) bool {
	x, n := min(s.x, s.width-1), s.arg(0, 1)
	row := s.rows[s.y]
	switch final {
	case 'J':
		s.eraseScreen(s.arg(0, 0))
	case 'K':
		switch s.arg(0, 0) {
		case 0:
			s.erase(s.y, x, s.width)
		case 1:
			s.erase(s.y, 0, x+1)
		case 2:
			s.erase(s.y, 0, s.width)
		}
	case 'L':
		s.scroll(s.y, -n)
	case 'M':
		s.scroll(s.y, n)
	case 'P':
		n = min(n, s.width-x)
		copy(row[x:], row[x+n:])
		s.erase(s.y, s.width-n, s.width)
	case '@':
		n = min(n, s.width-x)
		copy(row[x+n:], row[x:s.width-n])
		s.erase(s.y, x, x+n)
	case 'S':
		s.scroll(s.top, n)
	case 'T':
		s.scroll(s.top, -n)
	case 'X':
		s.erase(s.y, x, x+n)
	case 'b':
		for range n {
			s.put(s.drawn, max(1, ansi.StringWidth(s.drawn)))
		}
	case 'c':
		s.answer("\x1b[?62;22c")
	case 'm', 'h', 'l', 't': // Styles, insertion, the title and the window.
	case 'n':
		s.answer(fmt.Sprintf("\x1b[%d;%dR", s.y+1, x+1))
	case 'r':
		s.top, s.bottom = n-1, min(s.height, s.arg(1, s.height))-1
		s.x, s.y = 0, 0
	default:
		return false
	}
	return true
}

func (s *screen) eraseScreen(what int) {
	for y := range s.rows {
		switch {
		case what == 2, what == 3, what == 0 && y > s.y, what == 1 && y < s.y:
			s.rows[y] = s.blank()
		case what == 0 && y == s.y:
			s.erase(y, s.x, s.width)
		case what == 1 && y == s.y:
			s.erase(y, 0, s.x+1)
		}
	}
}

// private carries out the sequences that set and ask for modes.
func (s *screen) private(seq []byte, cmd ansi.Cmd) {
	mode := s.arg(0, 0)
	switch string(cmd.Prefix()) + string(cmd.Intermediate()) + string(cmd.Final()) {
	case "?\x00h", "?\x00l":
		on := cmd.Final() == 'h'
		switch mode {
		case 7:
			s.wrap = on
		case 1049:
			s.eraseScreen(2)
		case 2026:
			s.held = on
		}
	case "?$p":
		if mode == 2026 {
			s.answer("\x1b[?2026;2$y") // Known, and off.
		} else {
			s.answer(fmt.Sprintf("\x1b[?%d;0$y", mode))
		}
	case "?\x00u":
		s.answer("\x1b[?0u")
	case ">\x00q":
		s.answer("\x1bP>|pty(1)\x1b\\")
	case "?\x00W", ">\x00m", ">\x00u", "<\x00u", "=\x00u", "\x00 q": // Tabs, keys, and the cursor's shape.
	default:
		s.strange(seq)
	}
}

func (s *screen) answer(text string) { s.answers = append(s.answers, text...) }

func (s *screen) strange(seq []byte) {
	if len(s.unknown) < 10 {
		s.unknown = append(s.unknown, fmt.Sprintf("%q", seq))
	}
}
