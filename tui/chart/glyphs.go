package chart

// Glyphs is the set of characters a chart is drawn with.
type Glyphs int

const (
	// Braille has 2×4 dots a cell: the finest line.
	Braille Glyphs = iota
	// Block has 2×2 dots a cell, for fonts whose braille is faint or missing.
	Block
	// ASCII has one dot a cell, for terminals without UTF-8.
	ASCII
)

// Next is the set after this one, around.
func (g Glyphs) Next() Glyphs { return (g + 1) % (ASCII + 1) }

// String is the name of the set.
func (g Glyphs) String() string {
	switch g {
	case Block:
		return "block"
	case ASCII:
		return "ascii"
	case Braille:
	}
	return "braille"
}

// Legend is a sample of the canary's line, of the primary's, and of a limit's, for a legend.
func (g Glyphs) Legend() (canary, primary, limit string) {
	switch g {
	case Block:
		return "▄▀", "▘ ▘", "┄┄"
	case ASCII:
		return "**", "..", "--"
	case Braille:
	}
	return "⠤⠒", "⠂⠂", "┄┄"
}

// live is a single value of the canary.
func (g Glyphs) live() string { return string(g.set().canary(1)) }

// glyphSet is what a canvas needs to know of a set.
type glyphSet struct {
	dotsX, dotsY    int
	canary, primary func(mask uint8) rune

	limit, failed, noData rune
	axis, corner, tick    rune
	weight                rune
	atLeast, atMost       string
	spark                 []rune
}

func (g Glyphs) set() glyphSet {
	switch g {
	case ASCII:
		return glyphSet{
			dotsX: 1, dotsY: 1,
			canary:  func(uint8) rune { return '*' },
			primary: func(uint8) rune { return '.' },
			limit:   '-', failed: 'x', noData: '?',
			axis: '|', corner: '+', tick: '+', weight: '^',
			atLeast: ">=", atMost: "<=",
			spark: []rune("_.:-=+*#"),
		}
	case Block:
		s := unicodeSet()
		s.dotsX, s.dotsY, s.canary, s.primary = 2, 2, quadrant, quadrant
		return s
	case Braille:
	}
	s := unicodeSet()
	s.dotsX, s.dotsY, s.canary, s.primary = 2, 4, braille, braille
	return s
}

func unicodeSet() glyphSet {
	return glyphSet{
		limit: '┄', failed: '✘', noData: '?',
		axis: '│', corner: '└', tick: '┤', weight: '┴',
		atLeast: "≥", atMost: "≤",
		spark: []rune("▁▂▃▄▅▆"), // no full block: those of two lines would run into each other
	}
}

// quadrant is the block character of a 2×2 mask: top left is bit 0, then row by row.
func quadrant(mask uint8) rune {
	return [16]rune([]rune(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"))[mask&15]
}

// braille is the pattern of a 2×4 mask. Unicode numbers the dots down the columns, with the fourth
// row added later, hence the table.
func braille(mask uint8) rune {
	r := rune(0x2800)
	for i, bit := range [8]rune{0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80} {
		if mask&(1<<i) != 0 {
			r |= bit
		}
	}
	return r
}
