// Package tui is the screen of `kubectl canary watch`: one Bubble Tea model that shows a canary and
// lets an operator act on it.
//
// View models ([view.Canary]) come in as messages, strings go out; nothing here talks to a cluster.
// [Run] forwards the messages of a channel into the program, and operator verbs leave through the
// [Actions] of the caller, called inside a command, never in Update.
//
// # How it is built
//
// There is exactly one tea.Model. It owns what any screen needs (size, theme, keys, dialog, status
// line) and holds a detail, the state of the screen of one canary. The panels are plain methods that
// take a width and return lines; layout.go chooses which of them share the screen, by named
// breakpoints. Every line is fitted to its width in one place, so no panel can break the frame.
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
