//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// awaitRoute waits until the proxy serves the application, under its name and under that of this
// machine.
func (s *show) awaitRoute(ctx context.Context) error {
	for _, host := range []string{s.app.Host(), "127.0.0.1"} {
		for {
			err := get(ctx, stage.URL(s.cluster), host)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the proxy does not serve %s: %w (last: %w)", host, context.Cause(ctx), err)
			case <-time.After(25 * time.Millisecond):
			}
		}
	}
	return nil
}

// get asks once, and is content with status 200 only.
func get(ctx context.Context, url, host string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// summary prints the totals of the load, and returns what was not as it has to be.
func (s *show) summary() error {
	stats := s.load.Stats()
	failed := stats.Total - stats.ByStatus[http.StatusOK]
	onPurpose := stats.FailuresByVersion[badImage]
	unwanted := failed - onPurpose

	fmt.Printf("\n%-13s %6d  in %s, %s\n", "requests", stats.Total,
		time.Since(s.begun).Round(time.Second), failures(failed, onPurpose))
	for _, version := range slices.Sorted(maps.Keys(stats.ByVersion)) {
		fmt.Printf("%-13s %6d  %.1f%%\n", version, stats.ByVersion[version], 100*stats.Share(version))
	}
	fmt.Println()

	var errs []error
	if unwanted > 0 {
		errs = append(errs, fmt.Errorf("%d requests failed that should not have%s", unwanted, firstOf(s.load.Failures())))
	}
	return errors.Join(append(errs, s.outcome())...)
}

// failures puts the number of failed requests into words.
func failures(failed, onPurpose int) string {
	switch {
	case failed == 0:
		return "none failed"
	case failed == onPurpose:
		return fmt.Sprintf("%d failed, all of them by %s on purpose", failed, badImage)
	case onPurpose > 0:
		return fmt.Sprintf("%d failed, %d of them by %s on purpose", failed, onPurpose, badImage)
	}
	return fmt.Sprintf("%d failed", failed)
}

// firstOf describes the first failure that was not on purpose, where it is still known.
func firstOf(samples []load.Sample) string {
	for _, sample := range samples {
		if sample.Version != badImage {
			return ", the first at " + sample.String()
		}
	}
	return ""
}

// outcome compares the end of the release with the one that it has to have.
func (s *show) outcome() error {
	want, outcome := v1beta1.PhaseSucceeded, v1beta1.OutcomePromoted
	if s.bad {
		want, outcome = v1beta1.PhaseFailed, v1beta1.OutcomeRolledBack
	}
	status := s.final().Status
	var have v1beta1.RunOutcome
	if status.Run != nil {
		have = status.Run.Outcome
	}
	if status.Phase != want || have != outcome {
		return fmt.Errorf("the canary is %s (%s), not %s (%s): %s", status.Phase, have, want, outcome, status.Message)
	}
	return nil
}

// final is the newest status. What the plugin saw as the end may reach the record a moment later.
func (s *show) final() *v1beta1.Canary {
	if !s.screen {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// When it does not come, the caller says what is there instead.
		_, _ = s.record.Until(ctx, "its end", stage.InPhase(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed))
	}
	return s.record.Last()
}
