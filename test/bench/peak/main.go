// Command peak runs a program and prints on standard error, as its last line, how much memory the
// program had at most, in bytes.
//
// The kernel counts the memory that the parent has when it starts a program as the program's, so the
// parent has to be small: a benchmark is not.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...) //nolint:gosec,noctx // It is what it is for.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "peak:", err)
		os.Exit(1)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		fmt.Fprintln(os.Stderr, usage.Maxrss*1024)
	}
}
