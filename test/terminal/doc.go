// Package terminal runs a program in a real terminal, that of tmux, so that a test presses keys and
// reads the screen as a person would: what the program writes has gone through a terminal, and what
// it leaves behind when it ends can be looked at.
//
// It needs tmux 3.3 or newer. Each terminal has a tmux server of its own, without the user's configuration; the server ends with
// the test, and also when the test is killed.
//
//	term := terminal.Start(t, terminal.Options{Width: 120, Height: 40, Command: []string{"top"}})
//	term.WaitFor("load average", 5*time.Second)
//	term.Keys("q")
//	code := term.Wait(5 * time.Second)
//
// Methods end the test when the terminal does not do what they are for; they are called by the
// goroutine of the test. The last frames of a test that has failed are in its log and in a file
// beside the other artefacts.
package terminal
