// Command check holds krew's manifest and the archives beside it to the rules of krew's index, installs
// every platform as krew does, and runs the one of this machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/kubectl-canary/kubectl-canary/krew"
	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	manifest := flag.String("manifest", filepath.Join("dist", name.Plugin+".yaml"), "rendered manifest, beside its archives")
	kubectl := flag.String("kubectl", "", "kubectl that has to find the plugin; by default the one on the PATH, if there is one")
	flag.Parse()
	if *kubectl == "" {
		if found, err := exec.LookPath("kubectl"); err == nil {
			*kubectl = found
		}
	}
	report, err := krew.Check(ctx, krew.Options{Manifest: *manifest, Run: true, Kubectl: *kubectl})
	if err != nil {
		return err
	}
	if err := report.Write(os.Stdout); err != nil {
		return err
	}
	return report.Err()
}
