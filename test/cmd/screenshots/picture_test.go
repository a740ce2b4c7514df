//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// dump writes a display as Xvfb does.
func dump(picture *image.RGBA) []byte {
	const colors, margin = 2, 8 // bytes behind each row
	b := picture.Bounds()
	header := make([]uint32, 40)
	header[0], header[1], header[3], header[4], header[5] = 160, 7, 24, uint32(b.Dx()), uint32(b.Dy())
	header[11], header[12], header[19] = 32, uint32(4*b.Dx()+margin), colors
	var out bytes.Buffer
	_ = binary.Write(&out, binary.BigEndian, header)
	out.Write(make([]byte, 12*colors))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := picture.RGBAAt(x, y)
			out.Write([]byte{c.B, c.G, c.R, 0})
		}
		out.Write(make([]byte, margin))
	}
	return out.Bytes()
}

// screen is a display of 40x30 pixels with a window of 20x10 in its corner.
func screen() *image.RGBA {
	all := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			c := color.RGBA{0, 0, 0, 0xFF}
			if x < 20 && y < 10 {
				c = color.RGBA{0x16, 0x18, 0x1D, 0xFF}
			}
			if x == 5 && y == 5 {
				c = color.RGBA{0xE6, 0x9F, 0x00, 0xFF}
			}
			all.SetRGBA(x, y, c)
		}
	}
	return all
}

func TestDisplay(t *testing.T) {
	all, err := decodeXWD(dump(screen()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(all.Pix, screen().Pix) {
		t.Error("the dump is read wrongly")
	}
	window, err := cut(all)
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(0, 0, 20, 10); window.Bounds() != want {
		t.Errorf("the window is %v, want %v", window.Bounds(), want)
	}
	picture, err := encode(window)
	if err != nil {
		t.Fatal(err)
	}
	back, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 10 {
		for x := range 20 {
			if have, want := color.RGBAModel.Convert(back.At(x, y)), window.RGBAAt(x, y); have != want {
				t.Errorf("pixel %d,%d is %v, want %v", x, y, have, want)
			}
		}
	}
}

func TestBrokenDisplay(t *testing.T) {
	whole := dump(screen())
	for _, tt := range []struct {
		name, want string
		dump       []byte
	}{
		{"empty", "no dump", nil},
		{"short", "too few", whole[:len(whole)-1]},
		{"other version", "want 7, 24 and 32", append([]byte{0, 0, 0, 160, 0, 0, 0, 6}, whole[8:]...)},
	} {
		if _, err := decodeXWD(tt.dump); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if _, err := cut(image.NewRGBA(image.Rect(0, 0, 40, 30))); err == nil {
		t.Error("there is no window, and yet no error")
	}
}

// TestManyColors has more colours than a palette: the frequent ones stay, and the same picture is the
// same file.
func TestManyColors(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 100, 20))
	for y := range 20 {
		for x := range 100 {
			c := color.RGBA{0x16, 0x18, 0x1D, 0xFF}
			if y == 3 { // 100 shades
				c = color.RGBA{uint8(2 * x), uint8(x), 0, 0xFF}
			}
			if y == 4 || y == 5 { // 200 others
				c = color.RGBA{0, uint8(100 + x), uint8(50 * y), 0xFF}
			}
			picture.SetRGBA(x, y, c)
		}
	}
	first, err := encode(picture)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, err := encode(picture); err != nil || !bytes.Equal(first, again) {
			t.Fatal("the same picture is another file")
		}
	}
	back, err := png.Decode(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 20 {
		for x := range 100 {
			have, want := color.RGBAModel.Convert(back.At(x, y)).(color.RGBA), picture.RGBAAt(x, y)
			far := max(abs(have.R, want.R), abs(have.G, want.G), abs(have.B, want.B))
			if y < 3 && far > 0 || far > 16 {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, have, want)
			}
		}
	}
}

func abs(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// TestShots checks the table itself.
func TestShots(t *testing.T) {
	names := map[string]bool{}
	for _, s := range shots {
		if names[s.name] {
			t.Errorf("two shots are called %s", s.name)
		}
		names[s.name] = true
		if s.about == "" || s.scene == "" || s.wait == "" {
			t.Errorf("%s lacks a text, a scene, or what it waits for", s.name)
		}
		if s.columns < 1 || s.columns > 180 || s.rows < 1 || s.rows > 60 {
			t.Errorf("%s has %dx%d cells, more than the display has room for", s.name, s.columns, s.rows)
		}
		for _, p := range s.keys {
			if p.keys == "" || p.wait == "" {
				t.Errorf("%s presses %q and waits for %q", s.name, p.keys, p.wait)
			}
		}
	}
}
