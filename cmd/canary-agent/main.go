// Command canary-agent runs in the cluster: it shifts traffic on time, judges metrics, calls hooks,
// and promotes or rolls back canaries.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubectl-canary/kubectl-canary/agent"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "none"
)

func main() {
	options, err := agent.ParseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "canary-agent:", err)
		os.Exit(2)
	case options.Version:
		fmt.Printf("canary-agent version %s revision %s\n", version, commit)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := agent.Run(ctx, options, version, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "canary-agent:", err)
		os.Exit(1)
	}
}
