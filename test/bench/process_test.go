//go:build linux

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cost is what a process has used since it was started.
type cost struct {
	at      time.Time
	cpu     time.Duration // in the program and in the kernel
	wakeups int64         // how often one of its threads had slept and went on
	memory  float64       // resident, in megabytes, now
}

// tick is the unit of the kernel's CPU times, the same on all architectures that Go has.
const tick = time.Second / 100

func costOf(pid int) (cost, error) {
	c := cost{at: time.Now()}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return c, err
	}
	// The name of the program, in parentheses, may have blanks.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return c, fmt.Errorf("/proc/%d/stat says %q", pid, stat)
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return c, err
		}
		c.cpu += time.Duration(ticks) * tick
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return c, err
	}
	for _, path := range tasks {
		status, err := os.ReadFile(path)
		if err != nil {
			continue // The thread has ended.
		}
		c.wakeups += number(string(status), "voluntary_ctxt_switches:")
		c.memory = float64(number(string(status), "VmRSS:")) * 1024 / 1e6
	}
	return c, nil
}

// number is the number behind a word at the start of a line; 0 when there is none.
func number(text, word string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			if fields := strings.Fields(rest); len(fields) > 0 {
				n, _ := strconv.ParseInt(fields[0], 10, 64)
				return n
			}
		}
	}
	return 0
}
