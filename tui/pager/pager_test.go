package pager

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func numbered(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("line %d", i))
	}
	return out
}

func styles(ascii bool) *theme.Theme {
	th := theme.New(theme.Auto, true, ascii)
	return &th
}

// draw returns the rows without styles and trailing spaces.
func draw(t testing.TB, p *Pager, width, height int) []string {
	t.Helper()
	out := p.Lines(width, height, styles(false))
	check(t, out, width, height)
	for i := range out {
		out[i] = strings.TrimRight(ansi.Strip(out[i]), " ")
	}
	return out
}

func check(t testing.TB, lines []string, width, height int) {
	t.Helper()
	if len(lines) != max(0, height) {
		t.Fatalf("%d×%d: %d lines", width, height, len(lines))
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != max(0, width) {
			t.Fatalf("%d×%d: line %d is %d wide: %q", width, height, i, w, l)
		}
		if strings.ContainsAny(ansi.Strip(l), "\x1b\n\r\t\a\x00\u200b\u202e") {
			t.Fatalf("%d×%d: control characters in line %d: %q", width, height, i, l)
		}
	}
}

func wantFirst(t testing.TB, p *Pager, want string) {
	t.Helper()
	if have := draw(t, p, 40, 6); have[0] != want {
		t.Errorf("the first row is %q, want %q; all: %q", have[0], want, have)
	}
}

func TestFollow(t *testing.T) {
	p := New(Logs)
	p.Append(numbered(1, 20))
	wantFirst(t, p, "line 16")
	p.Append(numbered(21, 21))
	wantFirst(t, p, "line 17")
	p.Scroll(3)
	wantFirst(t, p, "line 17")
	p.Scroll(-2)
	wantFirst(t, p, "line 15")
	if p.Follow() {
		t.Error("scrolling up did not end following")
	}
	p.Append(numbered(22, 30))
	wantFirst(t, p, "line 15")
	p.Scroll(1000)
	wantFirst(t, p, "line 26")
	p.Append(numbered(31, 31))
	wantFirst(t, p, "line 26")
	p.Bottom()
	wantFirst(t, p, "line 27")
	p.Append(numbered(32, 32))
	wantFirst(t, p, "line 28")
	p.Page(-1)
	wantFirst(t, p, "line 24")
	p.Page(1)
	p.Top()
	wantFirst(t, p, "line 1")
	p.Page(1)
	wantFirst(t, p, "line 5")
	p.SetFollow(true)
	wantFirst(t, p, "line 28")
	p.SetFollow(false)
	p.Append(numbered(33, 40))
	wantFirst(t, p, "line 28")
}

// TestNothingToScroll: where everything is seen, keys must not end following.
func TestNothingToScroll(t *testing.T) {
	p := New(Events)
	p.Append(numbered(1, 3))
	wantFirst(t, p, "line 1")
	p.Scroll(-1)
	p.Page(-1)
	p.Top()
	p.Append(numbered(4, 9))
	wantFirst(t, p, "line 5")
}

func TestReplaceKeepsPosition(t *testing.T) {
	p := New(YAML)
	p.Replace(numbered(1, 100))
	wantFirst(t, p, "line 1")
	p.Scroll(40)
	p.Search("line 45")
	next := numbered(1, 100)
	next[40] = "changed"
	p.Replace(next)
	wantFirst(t, p, "changed")
	if current, total := p.Found(); current != 1 || total != 1 {
		t.Errorf("found %d/%d", current, total)
	}
	p.Replace(numbered(1, 10))
	wantFirst(t, p, "line 6")
	p.Replace(nil)
	wantFirst(t, p, "There is nothing to show.")
}

func TestDropped(t *testing.T) {
	p := New(Logs)
	p.Append(numbered(1, maxLines))
	draw(t, p, 40, 6)
	p.Top()
	p.Search("line 777")
	p.Append(numbered(maxLines+1, maxLines+100))
	if p.Len() != maxLines || p.Dropped() != 100 {
		t.Fatalf("%d kept, %d dropped", p.Len(), p.Dropped())
	}
	rows := draw(t, p, 60, 6)
	if rows[1] != "line 776" && rows[1] != "line 777" {
		t.Errorf("what was seen has moved: %q", rows)
	}
	if !strings.Contains(rows[5], "100 older dropped") || !strings.Contains(rows[5], "/line 777 1/11") {
		t.Errorf("the last row is %q", rows[5])
	}
	p.Append(numbered(maxLines+101, maxLines+1000)) // 777 and 7770 to 7779: ten are left
	if current, total := p.Found(); current != 0 || total != 10 {
		t.Errorf("found %d/%d after the current one was dropped", current, total)
	}
	p.Next()
	if rows := strings.Join(draw(t, p, 60, 6), "\n"); !strings.Contains(rows, "line 7770") || !strings.Contains(rows, " 1/10") {
		t.Errorf("next shows:\n%s", rows)
	}
	p.Append(numbered(1, 3*maxLines))
	if p.Len() != maxLines || p.Dropped() != 1000+3*maxLines {
		t.Errorf("%d kept, %d dropped", p.Len(), p.Dropped())
	}
	if rows := draw(t, p, 60, 6); rows[0] != fmt.Sprintf("line %d", 2*maxLines+1) {
		t.Errorf("the first that is left: %q", rows)
	}
}

func TestSearch(t *testing.T) {
	p := New(Plain)
	text := numbered(1, 100)
	text[9], text[49], text[89] = "Straße ERROR one", "error two, Error", "an eRRoR"
	p.Replace(text)
	draw(t, p, 40, 6)
	see := func(row, position string) {
		t.Helper()
		rows := strings.Join(draw(t, p, 40, 6), "\n")
		if !strings.Contains(rows, row) || !strings.Contains(rows, position) {
			t.Errorf("no %q with %q in:\n%s", row, position, rows)
		}
	}
	p.Search("error")
	see("Straße ERROR one", "/error 1/3")
	p.Next()
	see("error two", "/error 2/3")
	p.Next()
	see("an eRRoR", "/error 3/3")
	p.Next()
	see("Straße ERROR one", "/error 1/3")
	p.Previous()
	see("an eRRoR", "/error 3/3")
	p.Search("two") // before the screen
	see("error two", "/two 1/1")
	p.Search("STRASSE") // letters are compared one by one
	see("error two", "/STRASSE not found")
	p.Next()
	p.Search("STRAẞE")
	see("Straße", "1/1")
	p.Search("\x1b[31m")
	see("", `/^[[31m not found`)
	p.Search("")
	if p.SearchText() != "" || strings.Contains(strings.Join(draw(t, p, 40, 6), ""), "/") {
		t.Error("the search does not end")
	}
}

// TestMatchesAreSeenWithoutColour: in reverse, and those of the current line in bold.
func TestMatchesAreSeenWithoutColour(t *testing.T) {
	th := theme.New(theme.Mono, true, true)
	p := New(Plain)
	p.Replace([]string{"a fault, a Fault", "no", "fault"})
	p.Search("fault")
	rows := p.Lines(30, 4, &th)
	reverse := func(s, style string) int {
		return strings.Count(s, "\x1b["+style+"mfault") + strings.Count(s, "\x1b["+style+"mFault")
	}
	if reverse(rows[0], "1;7") != 2 || strings.Contains(rows[1], "\x1b") || reverse(rows[2], "7") != 1 {
		t.Errorf("%q", rows)
	}
}

// TestWholeCharacters: a match within a character that is drawn as one must not tear it apart.
func TestWholeCharacters(t *testing.T) {
	p := New(Plain)
	p.Replace([]string{"x 👩\u200d🚀 y e\u0301"})
	for _, find := range []string{"👩", "🚀", "e", "\u0301"} {
		p.Search(find)
		if _, total := p.Found(); total != 1 {
			t.Errorf("%q is not found", find)
		}
		check(t, p.Lines(9, 2, styles(false)), 9, 2)
		if row := p.Lines(9, 2, styles(false))[0]; !strings.Contains(row, "👩\u200d🚀") || !strings.Contains(row, "e\u0301") {
			t.Errorf("%q tears %q apart", find, row)
		}
	}
}

func TestSideways(t *testing.T) {
	p := New(Plain)
	p.Replace([]string{"0123456789", "漢字漢字漢字", "", "ab"})
	see := func(want ...string) {
		t.Helper()
		if have := draw(t, p, 6, 5)[:4]; !slices.Equal(have, want) {
			t.Errorf("have %q, want %q", have, want)
		}
	}
	see("01234›", "漢字 ›", "", "ab")
	p.Right(1)
	see("‹2345›", "‹字漢›", "", "‹")
	p.Right(1)
	see("‹3456›", "‹ 漢 ›", "", "‹")
	p.Right(100)
	see("‹789", "‹ 漢字", "", "‹")
	p.Left(100)
	see("01234›", "漢字 ›", "", "ab")
	p.Search("9")
	if rows := strings.Join(draw(t, p, 6, 5), "\n"); !strings.Contains(rows, "9") {
		t.Errorf("the match is out of sight:\n%s", rows)
	}
	p.Search("ab")
	see("01234›", "漢字 ›", "", "ab")
	p.Right(1)
	p.ToggleWrap()
	see("012345", "6789", "漢字漢", "字漢字")
	p.Right(3)
	see("012345", "6789", "漢字漢", "字漢字")
}

func TestWrapped(t *testing.T) {
	p := New(Logs)
	p.ToggleWrap()
	p.Append([]string{strings.Repeat("a", 25), strings.Repeat("漢", 12), "end"})
	see := func(want ...string) {
		t.Helper()
		if have := draw(t, p, 11, len(want)+1)[:len(want)]; !slices.Equal(have, want) {
			t.Errorf("have %q, want %q", have, want)
		}
	}
	a, k := strings.Repeat("a", 11), "漢漢漢漢漢"
	see(k, k, "漢漢", "end")
	p.Scroll(-1)
	see("aaa", k, k, "漢漢")
	p.Scroll(-100)
	see(a, a, "aaa", k)
	p.Scroll(4)
	see(k, k, "漢漢", "end")
	p.Top()
	p.Scroll(1)
	see(a, "aaa", k, k)
	p.Search("end")
	see(k, k, "漢漢", "end")
	p.Top()
	p.Append([]string{strings.Repeat("b", 100) + "needle"})
	p.Search("needle")
	if rows := strings.Join(draw(t, p, 11, 5), "\n"); !strings.Contains(rows, "needle") {
		t.Errorf("the match is out of sight:\n%s", rows)
	}
	p.ToggleWrap()
	p.ToggleWrap()
	draw(t, p, 3, 50)
}

func TestHostile(t *testing.T) {
	p := New(YAML)
	p.Replace([]string{
		"\x1b[2Jowned\x1b]0;title\a", "tab\there", "rtl \u202egnp.exe", "bad \xff\xfe", "two\nlines\r\n",
		strings.Repeat("é", longestLine), strings.Repeat("\x01", 2*longestLine),
	})
	rows := draw(t, p, 40, 8)
	want := []string{"^[[2Jowned^[]0;title^G", "tab    here", `rtl \u202egnp.exe`, "bad \ufffd\ufffd", "two lines"}
	if !slices.Equal(rows[:5], want) {
		t.Errorf("have %q", rows)
	}
	for _, l := range p.lines {
		if len(l.text) > 2*longestLine+100 {
			t.Errorf("a line of %d bytes is kept", len(l.text))
		}
	}
	if !strings.HasSuffix(p.lines[5].text, fmt.Sprintf("éé [%d more bytes]", longestLine)) {
		t.Errorf("a long line ends in %q", p.lines[5].text[longestLine-10:])
	}
}

func TestNote(t *testing.T) {
	p := New(Logs)
	p.Append(numbered(1, 9))
	p.SetNote("stale since 12:01:03: connection\x1b refused")
	if rows := draw(t, p, 60, 5); rows[0] != "! stale since 12:01:03: connection^[ refused" || rows[3] != "line 9" {
		t.Errorf("%q", rows)
	}
	if rows := draw(t, p, 20, 8); rows[1] != "12:01:03: connectio…" || rows[6] != "line 9" {
		t.Errorf("%q", rows)
	}
	p.SetNote("")
	if rows := draw(t, p, 60, 5); rows[0] != "line 6" {
		t.Errorf("%q", rows)
	}
}

func TestEmpty(t *testing.T) {
	for kind, want := range map[Kind]string{
		Plain: "There is nothing to show.", Logs: "Nothing has been logged yet.",
		Events: "There are no events; the cluster keeps them for an hour or so.",
	} {
		p := New(kind)
		p.Search("x")
		p.Next()
		if rows := draw(t, p, 70, 3); rows[0] != "Waiting for the first lines." {
			t.Errorf("%q", rows)
		}
		p.Append(nil)
		if rows := draw(t, p, 70, 3); rows[0] != want || !strings.Contains(rows[2], "/x not found") {
			t.Errorf("%q", rows)
		}
	}
}
