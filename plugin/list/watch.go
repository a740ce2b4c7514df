package list

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// watch prints the table, then a row for each change. It ends with the context.
func (o *Options) watch(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	options := feed.Options{Client: client, Namespace: o.Namespace, Selector: o.Selector}
	if len(o.Names) == 1 {
		options.Name = o.Names[0]
	}
	updates, err := feed.Start(ctx, options)
	if err != nil {
		return o.Cluster.Explain(err, "watch canaries"+o.where())
	}
	printer := o.printer()
	out := printers.GetNewTabWriter(o.Streams.Out) // remembers the widths of the columns
	var first []view.Canary
	synced := false
	for update := range updates {
		var rows []view.Canary
		switch u := update.(type) {
		case feed.Canary:
			if !synced {
				first = append(first, u.View)
				continue
			}
			rows = []view.Canary{u.View}
		case feed.Synced:
			if options.Name != "" && len(first) == 0 {
				return cli.NotFound(ctx, o.Cluster, o.Namespace, options.Name)
			}
			rows, synced = first, true
			slices.SortStableFunc(rows, o.compare)
		case feed.Stale:
			_, err = fmt.Fprintf(o.Streams.ErrOut, "connection lost, trying again: %s\n", view.Clean(u.Err.Error()))
		case feed.Fresh:
			_, err = fmt.Fprintln(o.Streams.ErrOut, "connected again")
		case feed.Gone:
			_, err = fmt.Fprintf(o.Streams.ErrOut, "%s deleted\n", view.Clean(cli.Resource(u.Name)))
		}
		if len(rows) > 0 {
			if err = o.printTable(printer, out, rows); err == nil {
				err = out.Flush()
			}
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
