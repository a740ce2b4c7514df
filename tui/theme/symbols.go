package theme

import "strings"

// Symbols are the signs beside words. Each is one column wide.
type Symbols struct {
	Passed, Failed, Active, Pending, Skipped string
	Waiting, Promoting, Warning, NoData      string
	// RolledBack marks the end of a run on a time line, where Failed is a check.
	RolledBack string
	// BarFull and BarEmpty fill bars, HoldFull and HoldEmpty the progress within a step.
	BarFull, BarEmpty, HoldFull, HoldEmpty string
	// Line joins steps and underlines headings, Dot separates words in a row.
	Line, Dot string
	// AtLeast and AtMost stand before a limit, Times before a count.
	AtLeast, AtMost, Times string
	// Ellipsis ends what was cut; Before and After say that a list goes on.
	Ellipsis, Before, After string
	// The corners and sides of a dialog.
	TopLeft, TopRight, BottomLeft, BottomRight, Side string
}

var unicodeSymbols = Symbols{
	Passed: "✔", Failed: "✘", Active: "●", Pending: "○", Skipped: "»",
	Waiting: "◌", Promoting: "▲", Warning: "!", NoData: "?", RolledBack: "↶",
	BarFull: "■", BarEmpty: "·", HoldFull: "━", HoldEmpty: "─",
	Line: "─", Dot: "·",
	AtLeast: "≥", AtMost: "≤", Times: "×",
	Ellipsis: "…", Before: "‹", After: "›",
	TopLeft: "╭", TopRight: "╮", BottomLeft: "╰", BottomRight: "╯", Side: "│",
}

var asciiSymbols = Symbols{
	Passed: "+", Failed: "x", Active: "@", Pending: ".", Skipped: ">",
	Waiting: "~", Promoting: "^", Warning: "!", NoData: "?", RolledBack: "R",
	BarFull: "#", BarEmpty: ".", HoldFull: "=", HoldEmpty: "-",
	Line: "-", Dot: "|",
	AtLeast: ">=", AtMost: "<=", Times: "x",
	Ellipsis: "~", Before: "<", After: ">",
	TopLeft: "+", TopRight: "+", BottomLeft: "+", BottomRight: "+", Side: "|",
}

// UTF8 reports whether the locale that env describes can show more than ASCII. Where no locale is
// set at all it is assumed to: containers seldom set one, and their terminals are modern.
func UTF8(env []string) bool {
	for _, name := range []string{"LC_ALL=", "LC_CTYPE=", "LANG="} {
		for _, kv := range env {
			value, ok := strings.CutPrefix(kv, name)
			if !ok || value == "" {
				continue
			}
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return true
}
