//go:build linux

// Command testbed runs a test cluster until it is interrupted, or runs one
// command inside it and exits with that command's code:
//
//	go run ./testbed/cmd/testbed
//	go run ./testbed/cmd/testbed -control-plane -- kubectl get namespaces
//
// It prints what a kubectl and a browser on this machine need to reach it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

func main() {
	nodelet.PodInit() // before the flags: a pod has arguments of its own
	o := testbed.Options{Programs: map[string]nodelet.Program{}}
	controlPlane := flag.Bool("control-plane", false, "start only etcd, the API server and the controllers")
	flag.Func("image", "an image the node knows, as `name:tag=program`; the tag may be *", func(v string) error {
		image, program, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("want name:tag=program")
		}
		path, err := exec.LookPath(program)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		o.Programs[image] = nodelet.Program{Path: path}
		return err
	})
	flag.Parse()
	if *controlPlane {
		o.Profile = testbed.ControlPlane
	}
	if err := testbed.Reexec(o); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
	code, err := run(o, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(o testbed.Options, command []string) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	begin := time.Now()
	c, err := testbed.Start(ctx, o)
	if err != nil {
		return 0, err
	}
	defer c.Stop()
	fmt.Fprintf(os.Stderr, "test cluster ready after %s\n\n  export KUBECONFIG=%s\n", time.Since(begin).Round(100*time.Millisecond), c.HostKubeconfig)
	if c.HostGatewayURL != "" {
		fmt.Fprintf(os.Stderr, "  gateway     %s\n  prometheus  %s\n", c.HostGatewayURL, c.HostPrometheusURL)
	}
	fmt.Fprintf(os.Stderr, "  logs        %s/logs\n\n", c.Dir)

	if len(command) == 0 {
		<-ctx.Done()
		return 0, nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}
