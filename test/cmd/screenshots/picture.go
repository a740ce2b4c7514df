//go:build linux

package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// paletteSize is how many colours a PNG with a palette has, which is a third of the size of one
// without.
const paletteSize = 256

// encode makes a PNG with a palette. Text has a few colours and their shades at the edges of letters;
// shades that hardly differ become the one that is seen most.
func encode(picture *image.RGBA) ([]byte, error) {
	b := picture.Bounds()
	counts := map[color.RGBA]int{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			counts[picture.RGBAAt(x, y)]++
		}
	}
	palette, index := reduce(counts)
	out := image.NewPaletted(image.Rect(0, 0, b.Dx(), b.Dy()), palette)
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.SetColorIndex(x, y, index[picture.RGBAAt(b.Min.X+x, b.Min.Y+y)])
		}
	}
	var buf bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&buf, out)
	return buf.Bytes(), err
}

// reduce chooses a palette for colours that are seen so often, and the place in it of each. Colours
// that differ in the lowest bits only share a place, in as few bits as will do.
func reduce(counts map[color.RGBA]int) (color.Palette, map[color.RGBA]uint8) {
	colors := slices.Collect(maps.Keys(counts))
	// The order is that of the picture alone, so that the same picture is the same file.
	slices.SortFunc(colors, func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	for bits := 0; ; bits++ {
		var palette color.Palette
		index := make(map[color.RGBA]uint8, len(colors))
		places := map[color.RGBA]int{}
		for _, c := range colors {
			coarse := color.RGBA{R: c.R >> bits, G: c.G >> bits, B: c.B >> bits}
			place, ok := places[coarse]
			if !ok {
				place = len(palette)
				places[coarse] = place
				palette = append(palette, c)
			}
			index[c] = uint8(place)
		}
		if len(palette) <= paletteSize {
			return palette, index
		}
	}
}
