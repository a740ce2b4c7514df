package root

import (
	"context"
	"sync"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// warnings prints what the API server warns of on stderr, each warning once.
type warnings struct {
	printer *printers.WarningPrinter

	mu   sync.Mutex
	seen map[string]bool
}

var _ rest.WarningHandlerWithContext = (*warnings)(nil)

func newWarnings(streams genericiooptions.IOStreams) *warnings {
	return &warnings{
		printer: printers.NewWarningPrinter(streams.ErrOut, printers.WarningPrinterOptions{
			Color: printers.AllowsColorOutput(streams.ErrOut),
		}),
		seen: map[string]bool{},
	}
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext. 299 is the only code
// that the API server uses.
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code != 299 || text == "" || w.seen[text] {
		return
	}
	w.seen[text] = true
	w.printer.Print(view.Clean(text))
}
