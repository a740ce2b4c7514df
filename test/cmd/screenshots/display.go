//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

// The display is larger than any shot, in pixels.
const displayWidth, displayHeight = 2800, 1800

// startAtMost is how long display and terminal may take; usually it is a second.
const startAtMost = 30 * time.Second

// display is an X server that draws into a file.
type display struct {
	group *supervise.Group
	dir   string
	name  string // such as :0
}

// openDisplay starts the X server.
func openDisplay(ctx context.Context, group *supervise.Group, dir string) (*display, error) {
	d := &display{group: group, dir: dir}
	ctx, cancel := context.WithTimeout(ctx, startAtMost)
	defer cancel()
	err := group.Run(ctx, supervise.Spec{
		Name: "Xvfb", Path: "Xvfb",
		Args: []string{
			"-displayfd", "1", // Takes a free number and says which, into the log.
			"-screen", "0", fmt.Sprintf("%dx%dx24", displayWidth, displayHeight),
			"-dpi", "96", "-nocursor", "-nolisten", "tcp", "-noreset", "-fbdir", dir,
		},
		Ready: func(context.Context) error {
			for line := range strings.Lines(group.Tail("Xvfb", 100)) {
				number := strings.TrimSpace(line)
				if number != "" && strings.Trim(number, "0123456789") == "" {
					d.name = ":" + number
					return nil
				}
			}
			return errors.New("it has not said which display it is")
		},
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// snap is what the display shows, cut to the window in its upper left corner.
func (d *display) snap() (*image.RGBA, error) {
	path := filepath.Join(d.dir, "Xvfb_screen0")
	dump, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := decodeXWD(dump)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cut(all)
}

// decodeXWD reads a dump of a display with 24 bits of colour in 32, as Xvfb writes it.
func decodeXWD(dump []byte) (*image.RGBA, error) {
	// Fields of the header, as places of numbers of four bytes.
	const (
		headerSize, version, depth, width, height, bits, stride, colors = 0, 1, 3, 4, 5, 11, 12, 19
		fields                                                          = 25
	)
	if len(dump) < 4*fields {
		return nil, fmt.Errorf("%d bytes are no dump of a display", len(dump))
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(dump[4*i:])) }
	if field(version) != 7 || field(depth) != 24 || field(bits) != 32 {
		return nil, fmt.Errorf("version %d, depth %d, %d bits: want 7, 24 and 32", field(version), field(depth), field(bits))
	}
	start := field(headerSize) + 12*field(colors)
	if len(dump) < start+field(stride)*field(height) || field(stride) < 4*field(width) {
		return nil, fmt.Errorf("%d bytes are too few for %dx%d pixels", len(dump), field(width), field(height))
	}
	out := image.NewRGBA(image.Rect(0, 0, field(width), field(height)))
	for y := range field(height) {
		row := dump[start+y*field(stride):]
		for x := range field(width) {
			to, from := out.PixOffset(x, y), 4*x
			out.Pix[to], out.Pix[to+1], out.Pix[to+2], out.Pix[to+3] = row[from+2], row[from+1], row[from], 0xFF
		}
	}
	return out, nil
}

// cut finds the window: its margins have the colour of its upper left pixel, and the display around
// it is black.
func cut(all *image.RGBA) (*image.RGBA, error) {
	b, corner := all.Bounds(), all.RGBAAt(0, 0)
	width, height := 0, 0
	for width < b.Dx() && all.RGBAAt(width, 0) == corner {
		width++
	}
	for height < b.Dy() && all.RGBAAt(0, height) == corner {
		height++
	}
	if width == b.Dx() || height == b.Dy() {
		return nil, errors.New("there is no window on the display, or one that is too large")
	}
	window, ok := all.SubImage(image.Rect(0, 0, width, height)).(*image.RGBA)
	if !ok {
		return nil, errors.New("a part of a picture is no picture")
	}
	return window, nil
}
