// Package tui is the screen of `kubectl canary watch`: one Bubble Tea model that shows canaries and
// lets an operator act on them.
//
// View models ([view.Canary]) come in over the channels of a [source.Source], strings go out; nothing
// here talks to a cluster. Operator verbs leave through the [Actions] of the caller, called inside a
// command, never in Update.
//
// # How it is built
//
// There is exactly one tea.Model (model.go). It owns what any screen needs (size, theme, dialog, status
// line) and holds the screens: all canaries (fleet.go), one (detail.go), its history (history.go), a
// text (textscreen.go). A screen listens to a subscription (subscribe.go), which ends when it is left.
// commands.go is the one key map, for dispatch, footer, help, palette and mouse.
//
// The panels are plain methods that take a width and return lines, or structs of packages below;
// layout.go chooses which of them share the screen, by named breakpoints. Every line is fitted to its
// width in one place, so no panel can break the frame.
//
// Strings are cleaned of control characters once, where a canary enters (see [view.Canary.Cleaned]);
// the only escape sequences in a frame are the styles of [theme.Theme].
//
// # Looking at it
//
// The program in internal/preview shows every state without a cluster. The frames in testdata are
// the same states at the sizes that matter; `go test ./tui/... -update` draws them anew, after
// which every line of the diff wants a look.
//
// # Time
//
// Update reads the injected clock and keeps the result; View only uses that. A tick a second runs
// while something on the screen counts, and none otherwise, so an idle screen costs nothing.
package tui
