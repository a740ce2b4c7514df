// Command testbed-build builds the programs of the test cluster into the cache,
// so that the first test does not have to. With names as arguments it builds
// only those. It prints the path of each program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	names := os.Args[1:]
	if len(names) == 0 {
		names = binaries.Names()
	}
	set, err := binaries.Ensure(ctx, os.Stderr, names...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed-build:", err)
		os.Exit(1)
	}
	for _, name := range names {
		fmt.Println(set.Path(name))
	}
}
