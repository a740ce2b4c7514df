package cli

import (
	"io"
	"os"

	"k8s.io/cli-runtime/pkg/printers"
)

// Terminal tells what the streams can do.
type Terminal struct {
	// In is true when a person can answer on standard input.
	In bool
	// Out is true when standard output is a terminal that can be drawn on (not TERM=dumb).
	Out bool
	// Color is true when Out may be coloured: a terminal, and NO_COLOR not present.
	Color bool
}

// TerminalOf looks at the streams and the environment.
func TerminalOf(in io.Reader, out io.Writer) Terminal {
	return Terminal{
		In:    printers.IsTerminal(in),
		Out:   printers.IsTerminal(out) && os.Getenv("TERM") != "dumb",
		Color: printers.AllowsColorOutput(out),
	}
}
