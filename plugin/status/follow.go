package status

import (
	"context"
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
)

// follow prints a line per change until the run has ended, and returns its outcome as an error.
func (o *Options) follow(ctx context.Context) error {
	results, err := follow.Run(ctx, follow.Options{
		Deps:      o.Deps,
		Selection: cli.Selection{Names: []string{o.Name}, Namespace: o.Namespace},
		Revision:  o.Revision,
		Timeout:   o.Timeout,
		Changed: func(line string) error {
			_, err := fmt.Fprintf(o.Streams.Out, "%s  %s\n", o.Now().Format(time.TimeOnly), line)
			return err
		},
	})
	if err != nil {
		return err
	}
	return results[0].Err
}
