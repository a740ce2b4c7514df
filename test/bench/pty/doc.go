// Package pty runs a program in a pseudo terminal, for benchmarks: it knows when each change got to
// the terminal, to the moment of the read, and answers the queries that a program sends to a modern
// terminal. Package terminal is for tests, which look at the screen every now and then.
//
// A [Sight] is what is waited for. It is announced before what leads to it is done, so that nothing
// is missed:
//
//	sight := term.Expect(func(screen string) bool { return strings.Contains(screen, "38%") })
//	begin := time.Now()
//	change()
//	at, err := sight.Wait(ctx)
//	took := at.Sub(begin)
package pty
