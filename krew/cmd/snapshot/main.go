// Command snapshot builds the archives of all platforms and renders krew's manifest from them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/kubectl-canary/kubectl-canary/krew"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root := flag.String("root", ".", "folder of the repository")
	dist := flag.String("dist", "dist", "folder of what is built")
	version := flag.String("version", "", "version, instead of the one that git describes; it is the name of the release")
	flag.Parse()

	source, err := krew.Describe(ctx, *root)
	if err != nil {
		return err
	}
	if *version != "" {
		source.Version = *version
	}
	s := krew.Snapshot{Root: *root, Dist: *dist, Source: source, Log: os.Stdout}
	manifest, err := s.Make(ctx)
	if err != nil {
		return err
	}
	fmt.Println(manifest)
	return nil
}
