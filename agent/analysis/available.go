package analysis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// AvailableMessage is the event for a canary whose metric providers all answer.
const AvailableMessage = "all the metrics providers are available!"

// Available checks that every metric of the canary can be asked for: that there are queries for
// its traffic provider, that templates and secrets exist, and that the providers answer. It is for
// the time before a run and never a reason to stop one. The error names everything that is wrong,
// in one line; the event for it begins with "Error checking metric providers: ".
func (e *Evaluator) Available(ctx context.Context, c *v1beta1.Canary, in Inputs) error {
	metrics := c.GetAnalysis().Metrics
	errs := make([]error, len(metrics)+1)
	var wg sync.WaitGroup
	serverNeeded := false
	for i, m := range metrics {
		if m.IsBuiltin() {
			serverNeeded = true
			if _, err := queries.Observer(in.Provider, c); err != nil {
				errs[i] = err
			}
		}
		if m.Query != "" {
			serverNeeded = true
		}
		if m.TemplateRef == nil {
			if !m.IsBuiltin() && m.Query == "" {
				errs[i] = fmt.Errorf("metric %s is not builtin and has neither templateRef nor query", m.Name)
			}
			continue
		}
		wg.Go(func() {
			_, p, err := e.templateProvider(ctx, c, *m.TemplateRef, in)
			if err == nil {
				if err = e.ping(ctx, p); err != nil {
					err = fmt.Errorf("metric template %s.%s: %w", m.TemplateRef.Name, c.NamespaceOf(*m.TemplateRef), err)
				}
			}
			if err != nil {
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	if serverNeeded {
		wg.Go(func() {
			p, err := e.metricsServer(c, in)
			if err == nil {
				err = e.ping(ctx, p)
			}
			errs[len(metrics)] = err
		})
	}
	wg.Wait()
	return inOneLine(errs)
}

func (e *Evaluator) ping(ctx context.Context, p providers.Provider) error {
	release, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return providers.WithRetry(p, retryWait).Ping(ctx)
}

// lines is errors.Join with the texts in one line, each of them once.
type lines struct{ error }

func (l lines) Error() string {
	seen := map[string]bool{}
	var out []string
	for line := range strings.SplitSeq(l.error.Error(), "\n") {
		if !seen[line] {
			seen[line] = true
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}

func (l lines) Unwrap() error { return l.error }

func inOneLine(errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return lines{err}
	}
	return nil
}
