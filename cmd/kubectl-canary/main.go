// Command kubectl-canary is the kubectl plugin: kubectl canary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // credential plugins and OIDC of kubeconfigs

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/root"
)

// Set by the linker: -X main.version=v1.2.3 -X main.commit=… -X main.date=….
var (
	version = "dev"
	commit  = ""
	date    = ""
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal ends the process at once, whatever it is waiting for.
	context.AfterFunc(ctx, stop)

	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	deps := root.NewDeps(streams, cli.Build{Version: version, Commit: commit, Date: date})
	os.Exit(root.Main(ctx, deps, os.Args))
}
