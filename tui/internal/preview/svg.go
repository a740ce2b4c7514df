package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The grid of the picture, in pixels, and its colours.
const (
	cellW, cellH = 9, 19
	margin       = 12
	fontSize     = 15
	paper, ink   = "#16181D", "#D7DAE0"
)

// look is how a run of characters is drawn.
type look struct {
	color               string
	bold, faint, invert bool
}

// writeSVG draws a frame of styled text as a picture for documentation. Every character is put on
// the grid by itself, since fonts that lack a glyph borrow one of another width.
func writeSVG(w io.Writer, frame string, width, height int) error {
	var b strings.Builder
	pw, ph := width*cellW+2*margin, height*cellH+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", pw, ph, pw, ph)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", paper)
	fmt.Fprintf(&b, `<g font-family="'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace" font-size="%d" xml:space="preserve">`+"\n", fontSize)
	for row, line := range strings.Split(frame, "\n") {
		svgLine(&b, line, margin+row*cellH)
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func svgLine(b *strings.Builder, line string, top int) {
	now, col := look{}, 0
	var text, xs strings.Builder
	start := 0
	flush := func() {
		if strings.TrimSpace(text.String()) != "" || now.invert {
			fill := now.color
			if fill == "" {
				fill = ink
			}
			if now.invert {
				fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", margin+start*cellW, top, (col-start)*cellW, cellH, fill)
				fill = paper
			}
			extra := ""
			if now.bold {
				extra += ` font-weight="bold"`
			}
			if now.faint {
				extra += ` opacity="0.6"`
			}
			var escaped strings.Builder
			_ = xml.EscapeText(&escaped, []byte(text.String())) // a strings.Builder cannot fail
			fmt.Fprintf(b, `<text x="%s" y="%d" fill="%s"%s>%s</text>`+"\n", strings.TrimSpace(xs.String()), top+cellH-5, fill, extra, escaped.String())
		}
		text.Reset()
		xs.Reset()
		start = col
	}
	for line != "" {
		if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
			flush()
			params, after, _ := strings.Cut(rest, "m")
			now = now.apply(params)
			line = after
			continue
		}
		cluster, w := ansi.FirstGraphemeCluster(line, ansi.GraphemeWidth)
		text.WriteString(cluster)
		xs.WriteString(strconv.Itoa(margin+col*cellW) + strings.Repeat(" "+strconv.Itoa(margin+col*cellW), len([]rune(cluster))-1) + " ")
		col += w
		line = line[len(cluster):]
	}
	flush()
}

// apply takes over the parameters of one SGR sequence.
func (l look) apply(params string) look {
	p := strings.Split(params, ";")
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case "", "0":
			l = look{}
		case "1":
			l.bold = true
		case "2":
			l.faint = true
		case "7":
			l.invert = true
		case "39":
			l.color = ""
		case "38":
			if i+4 < len(p) && p[i+1] == "2" {
				r, _ := strconv.Atoi(p[i+2])
				g, _ := strconv.Atoi(p[i+3])
				bl, _ := strconv.Atoi(p[i+4])
				l.color = fmt.Sprintf("#%02X%02X%02X", r, g, bl)
				i += 4
			}
		}
	}
	return l
}
