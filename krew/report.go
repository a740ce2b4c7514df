package krew

import (
	"fmt"
	"io"
	"strings"
)

// Rule is the name of one thing that is checked.
type Rule string

// Finding is what became of a rule in one place.
type Finding struct {
	Rule Rule
	// Where is a file, a platform or a field.
	Where string
	// Problem is empty when the rule is kept.
	Problem string
	// Skipped says why the rule was not checked; empty when it was.
	Skipped string
}

// String is the line that is printed.
func (f Finding) String() string {
	switch {
	case f.Problem != "":
		return fmt.Sprintf("FAIL  %-20s %s: %s", f.Rule, f.Where, f.Problem)
	case f.Skipped != "":
		return fmt.Sprintf("skip  %-20s %s: %s", f.Rule, f.Where, f.Skipped)
	}
	return fmt.Sprintf("ok    %-20s %s", f.Rule, f.Where)
}

// Report collects findings.
type Report struct {
	Findings []Finding
}

// stage checks one rule.
type stage struct {
	rule  Rule
	check func() error
}

// all runs every stage and is true when all rules are kept.
func (r *Report) all(where string, stages ...stage) bool {
	kept := true
	for _, s := range stages {
		kept = r.add(where, s) && kept
	}
	return kept
}

// inOrder runs stages that build on each other; it stops at the first problem.
func (r *Report) inOrder(where string, stages ...stage) bool {
	for _, s := range stages {
		if !r.add(where, s) {
			return false
		}
	}
	return true
}

func (r *Report) add(where string, s stage) bool {
	f := Finding{Rule: s.rule, Where: where}
	if err := s.check(); err != nil {
		f.Problem = strings.Join(strings.Fields(err.Error()), " ") // One line each.
	}
	r.Findings = append(r.Findings, f)
	return f.Problem == ""
}

func (r *Report) skip(where string, rule Rule, why string) {
	r.Findings = append(r.Findings, Finding{Rule: rule, Where: where, Skipped: why})
}

// Write prints a line per finding.
func (r *Report) Write(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(w, f); err != nil {
			return err
		}
	}
	return nil
}

// Err names the rules that are broken, and is nil when there is none.
func (r *Report) Err() error {
	var broken []string
	for _, f := range r.Findings {
		if f.Problem != "" {
			broken = append(broken, fmt.Sprintf("rule %s: %s: %s", f.Rule, f.Where, f.Problem))
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(broken, "\n"))
}
