package chart

import (
	"math"
	"strings"
)

// layer is what a cell shows; a higher one hides a lower one.
type layer uint8

const (
	layerNone layer = iota
	layerLimit
	layerPrimary
	layerCanary
	layerFail
)

// canvas is the plot area. Positions are in dots, which are smaller than a cell in most glyph sets.
type canvas struct {
	cols, rows int
	w, h       int // in dots
	g          glyphSet
	top        []layer
	canary     []uint8 // dots set, one bit each, row by row
	primary    []uint8
}

func newCanvas(cols, rows int, g glyphSet) *canvas {
	n := cols * rows
	masks := make([]uint8, 2*n)
	return &canvas{
		cols: cols, rows: rows, w: cols * g.dotsX, h: rows * g.dotsY, g: g,
		top: make([]layer, n), canary: masks[:n], primary: masks[n:],
	}
}

// at is the cell and the bit of a dot; ok is false outside the canvas.
func (c *canvas) at(x, y int) (cell int, bit uint8, ok bool) {
	if x < 0 || y < 0 || x >= c.w || y >= c.h {
		return 0, 0, false
	}
	cell = y/c.g.dotsY*c.cols + x/c.g.dotsX
	return cell, 1 << (y%c.g.dotsY*c.g.dotsX + x%c.g.dotsX), true
}

func (c *canvas) raise(cell int, l layer) { c.top[cell] = max(c.top[cell], l) }

// rule draws a limit over the whole width.
func (c *canvas) rule(row int) {
	for col := range c.cols {
		c.raise(row*c.cols+col, layerLimit)
	}
}

// line draws the canary: every dot between two points.
func (c *canvas) line(x0, y0, x1, y1 float64) {
	ax, ay := int(math.Round(x0)), int(math.Round(y0))
	bx, by := int(math.Round(x1)), int(math.Round(y1))
	dx, dy := abs(bx-ax), -abs(by-ay)
	sx, sy := sign(bx-ax), sign(by-ay)
	for e := dx + dy; ; {
		if cell, bit, ok := c.at(ax, ay); ok {
			c.canary[cell] |= bit
			c.raise(cell, layerCanary)
			c.thicken(ax, ay)
		}
		if ax == bx && ay == by {
			return
		}
		e2 := 2 * e
		if e2 >= dy {
			e += dy
			ax += sx
		}
		if e2 <= dx {
			e += dx
			ay += sy
		}
	}
}

// thicken makes the line two dots high where dots are small, so that it reads as a line and not as
// dots like the primary's. It never reaches into another cell.
func (c *canvas) thicken(x, y int) {
	if c.g.dotsY < 4 {
		return
	}
	if y%c.g.dotsY == c.g.dotsY-1 {
		y -= 2
	}
	if cell, bit, ok := c.at(x, y+1); ok {
		c.canary[cell] |= bit
	}
}

// shown is what a cell shows: where both sides meet they take turns, since a side that is not seen
// looks like missing data.
func (c *canvas) shown(cell int) layer {
	if c.top[cell] == layerCanary && c.primary[cell] != 0 && cell%c.cols%2 == 1 {
		return layerPrimary
	}
	return c.top[cell]
}

// dots draws the primary: one dot in every cell of a row between two points, never joined, so that
// it cannot be taken for the canary where there is no colour.
func (c *canvas) dots(x0, y0, x1, y1 float64) {
	first, last := int(x0)/c.g.dotsX, int(x1)/c.g.dotsX
	for col := first; col <= last; col++ {
		y := y0
		if x1 > x0 {
			y += (y1 - y0) * clamp((float64(col*c.g.dotsX)-x0)/(x1-x0), 0, 1)
		}
		if cell, bit, ok := c.at(col*c.g.dotsX, int(math.Round(y))); ok {
			// One dot a cell: a later segment that begins in the same cell does not add another.
			if c.primary[cell] == 0 {
				c.primary[cell] = bit
			}
			c.raise(cell, layerPrimary)
		}
	}
}

// cross marks a failed check.
func (c *canvas) cross(x, y float64) {
	if cell, _, ok := c.at(int(math.Round(x)), int(math.Round(y))); ok {
		c.raise(cell, layerFail)
	}
}

// writeRow writes one row of cells, neighbours of one layer in one run of style.
func (c *canvas) writeRow(b *strings.Builder, row int, p pens) {
	cells := make([]layer, c.cols)
	for col := range cells {
		cells[col] = c.shown(row*c.cols + col)
	}
	var run strings.Builder
	for start := 0; start < len(cells); {
		end := start
		run.Reset()
		for ; end < len(cells) && cells[end] == cells[start]; end++ {
			run.WriteRune(c.glyph(row*c.cols + end))
		}
		if cells[start] == layerNone {
			b.WriteString(run.String())
		} else {
			b.WriteString(p[cells[start]].paint(run.String()))
		}
		start = end
	}
}

func (c *canvas) glyph(cell int) rune {
	switch c.shown(cell) {
	case layerLimit:
		return c.g.limit
	case layerPrimary:
		return c.g.primary(c.primary[cell])
	case layerCanary:
		return c.g.canary(c.canary[cell])
	case layerFail:
		return c.g.failed
	case layerNone:
	}
	return ' '
}

func abs(n int) int { return max(n, -n) }

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}
