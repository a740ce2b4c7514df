package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// The exit codes of the plugin.
const (
	// CodeDone: it did what was asked.
	CodeDone = 0
	// CodeError: it could not.
	CodeError = 1
	// CodeUsage: the command line makes no sense.
	CodeUsage = 2
	// CodeFailed: the canary failed, or was rolled back or aborted.
	CodeFailed = 3
	// CodeTimeout: time ran out while the canary was under way, or before an agent answered.
	CodeTimeout = 4
	// CodeInterrupted: the user interrupted it.
	CodeInterrupted = 130
)

// ExitCodesHelp documents the codes in help texts.
const ExitCodesHelp = `Exit codes:
  0    done
  1    error
  2    usage
  3    the canary failed, or was rolled back or aborted
  4    timed out
  130  interrupted`

// ExitError ends the program with a code. A nil Err says nothing: the command has said it all.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// Failed ends the program because the canary failed.
func Failed(format string, args ...any) error {
	return &ExitError{Code: CodeFailed, Err: fmt.Errorf(format, args...)}
}

// TimedOut ends the program because time ran out.
func TimedOut(format string, args ...any) error {
	return &ExitError{Code: CodeTimeout, Err: fmt.Errorf(format, args...)}
}

// Usagef is a mistake on the command line.
func Usagef(format string, args ...any) error {
	return &ExitError{Code: CodeUsage, Err: fmt.Errorf(format, args...)}
}

// CodeOf is the only place where errors become exit codes.
func CodeOf(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return CodeDone
	case errors.As(err, &exit):
		return exit.Code
	case errors.Is(err, context.Canceled):
		return CodeInterrupted
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return CodeTimeout
	}
	return CodeError
}

// Message is what to say about an error on stderr; empty when there is nothing to say.
func Message(err error) string {
	var exit *ExitError
	if errors.As(err, &exit) && exit.Err == nil {
		return ""
	}
	if CodeOf(err) == CodeInterrupted {
		return ""
	}
	return err.Error()
}
