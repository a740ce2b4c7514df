package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// Confirm asks a yes-or-no question and is true for yes. Without a person at the terminal it does
// not ask: a script that runs the command means it.
func (d Deps) Confirm(ctx context.Context, question string) (bool, error) {
	if !d.Terminal.In {
		return true, nil
	}
	if _, err := fmt.Fprintf(d.Streams.ErrOut, "%s [y/N] ", question); err != nil {
		return false, err
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(d.Streams.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-answer:
		return a == "y" || a == "yes", nil
	}
}
