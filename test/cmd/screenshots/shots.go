//go:build linux

package main

import "image/color"

// shot is one picture.
type shot struct {
	name  string // of the file, without .png
	about string // what is to be seen: the text for those who see no pictures
	// columns and rows are the size of the screen in cells.
	columns, rows int
	paper         paper
	// scene is the recording that is shown, without .canary.
	scene string
	// flags for `kubectl canary watch` besides.
	flags []string
	// env is added to the environment of the program.
	env []string
	// wait is a text on the screen without which there is nothing to press or to see.
	wait string
	// keys are pressed one after the other.
	keys []press
}

// press is text that is typed, "\t" and "\x1b" included, and what it makes appear.
type press struct{ keys, wait string }

// paper is the background of the terminal.
type paper int

const (
	dark paper = iota
	light
)

func (p paper) String() string { return [...]string{"dark", "light"}[p] }

// colors are those of the terminal: what the program leaves to it.
func (p paper) colors() (background, foreground color.RGBA) {
	if p == light {
		return color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}, color.RGBA{0x1F, 0x23, 0x28, 0xFF}
	}
	return color.RGBA{0x16, 0x18, 0x1D, 0xFF}, color.RGBA{0xD7, 0xDA, 0xE0, 0xFF}
}

// shots are the pictures that are made.
var shots = []shot{
	{
		name: "detail", about: "A release at 40%: steps, live weight, metrics against their limits, pods, events.",
		columns: 120, rows: 36, scene: "progressing", wait: "40%",
	},
	{
		name: "detail-80x24", about: "The same release in a terminal of 80 columns and 24 rows.",
		columns: 80, rows: 24, scene: "progressing", wait: "40%",
	},
	{
		name: "detail-light", about: "The same release on a light background.",
		columns: 120, rows: 36, paper: light, scene: "progressing", wait: "40%",
	},
	{
		name: "detail-ascii", about: "The same release without Unicode and without colour.",
		columns: 120, rows: 36, scene: "progressing", flags: []string{"--ascii", "--theme=mono"}, wait: "40%",
	},
	{
		name: "failed", about: "A release that was rolled back, and the checks that did it.",
		columns: 120, rows: 36, scene: "failed", wait: "Failed",
	},
	{
		name: "gate", about: "A release that waits at a gate for somebody's approval.",
		columns: 120, rows: 36, scene: "gated", wait: "Waiting",
	},
	{
		name: "help", about: "The keys.",
		columns: 120, rows: 36, scene: "progressing", wait: "40%", keys: []press{{"?", "any key closes"}},
	},
	{
		name: "replay", about: "A recording, stopped at a failed check.",
		columns: 120, rows: 36, scene: "run", wait: "10%",
		keys: []press{{" ", "paused"}, {"\x1b[H", "0s of"}, {"\x1b[C", "20%"}, {"\x1b[C", "check failed"}},
	},
	{
		name: "palette", about: "A command, found by name.",
		columns: 120, rows: 36, scene: "progressing", wait: "40%", keys: []press{{":", "every"}, {"the", "next theme"}},
	},
	{
		name: "list", about: "All canaries of a cluster.",
		columns: 120, rows: 36, scene: "fleet", wait: "Progressing",
	},
}
