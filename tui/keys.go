package tui

import "charm.land/bubbles/v2/key"

// keyMap is every key of the screen. Footer, help and Update read the same bindings. Keys that act
// on the cluster are upper-case, so that no slip of a finger opens a dialog.
type keyMap struct {
	Promote, Step, Abort, Pause key.Binding
	Down, Up, Top, Bottom       key.Binding
	Focus, Glyphs, Help         key.Binding
	Quit, Interrupt, Suspend    key.Binding
	Confirm, Cancel             key.Binding
}

func newKeyMap() keyMap {
	bind := func(help, desc string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
	}
	return keyMap{
		Promote:   bind("P", "promote", "P"),
		Step:      bind("S", "step", "S"),
		Abort:     bind("A", "abort", "A"),
		Pause:     bind("Z", "pause", "Z"),
		Down:      bind("j/k", "events", "j", "down"),
		Up:        bind("k", "newer events", "k", "up"),
		Top:       bind("g", "newest event", "g", "home"),
		Bottom:    bind("G", "oldest event", "G", "end"),
		Focus:     bind("tab", "focus", "tab"),
		Glyphs:    bind("c", "chart", "c"),
		Help:      bind("?", "help", "?"),
		Quit:      bind("q", "quit", "q"),
		Interrupt: bind("ctrl+c", "quit at once", "ctrl+c"),
		Suspend:   bind("ctrl+z", "to the shell", "ctrl+z"),
		Confirm:   bind("y", "yes", "y", "enter"),
		Cancel:    bind("n", "no", "n", "esc", "q"),
	}
}

// helpLine is one line of the help: keys and what they do, in words.
type helpLine struct{ keys, text string }

// help lists all keys by topic, longer than the footer has room for.
func (k keyMap) help() [][]helpLine {
	return [][]helpLine{
		{
			{k.Promote.Help().Key, "promote now: skip the steps and checks that are left"},
			{k.Step.Help().Key, "promote one step: go to the next weight now"},
			{k.Abort.Help().Key, "abort: all traffic back to the primary at once"},
			{k.Pause.Help().Key, "pause or resume: hold the weight, checks go on"},
		},
		{
			{k.Focus.Help().Key, "give the spare room to metrics, events or pods"},
			{k.Down.Help().Key, "scroll events: older, newer"},
			{k.Top.Help().Key + " / " + k.Bottom.Help().Key, "newest, oldest event"},
			{k.Glyphs.Help().Key, "draw charts in braille, blocks or ASCII"},
		},
		{
			{k.Help.Help().Key, "this help"},
			{k.Quit.Help().Key, "quit; the run goes on"},
			{k.Suspend.Help().Key, "back to the shell, fg returns"},
		},
	}
}
