package agent_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// gotchas are the faults of the reference controller that this project promises not to have, by the
// letter and the highest number of a section.
var gotchas = map[string]int{"A": 18, "B": 25, "C": 6, "F": 8, "H": 9}

var (
	// A row of docs/gotchas.md: the id and what is said about it.
	gotchaRow = regexp.MustCompile(`(?m)^\| ([A-Z][0-9]+) \| (.*) \|$`)
	// The name of a test that pins a fault, and the id in it.
	gotchaTest = regexp.MustCompile(`\bTestGotcha([A-Z][0-9]+)[A-Z][A-Za-z0-9]*\b`)
)

// TestGotchasArePinned makes sure that each fault is pinned by a test, or that docs/gotchas.md says
// why there is none ("Excused: ..."); and that the document names no test that does not exist.
func TestGotchasArePinned(t *testing.T) {
	text, err := os.ReadFile("../docs/gotchas.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range gotchaRow.FindAllStringSubmatch(string(text), -1) {
		if rows[row[1]] != "" {
			t.Errorf("docs/gotchas.md: %s has two rows", row[1])
		}
		rows[row[1]] = row[2]
	}
	tests := gotchaTests(t)
	for section, last := range gotchas {
		for n := 1; n <= last; n++ {
			id := fmt.Sprint(section, n)
			row := rows[id]
			switch excused := strings.HasPrefix(row, "Excused: "); {
			case row == "":
				t.Errorf("docs/gotchas.md: there is no row for %s", id)
			case len(tests[id]) == 0 && !excused:
				t.Errorf("%s: no test is named TestGotcha%s..., and docs/gotchas.md does not excuse it: %s", id, id, row)
			}
		}
	}
	for _, name := range gotchaTest.FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(tests[name[1]], name[0]) {
			t.Errorf("docs/gotchas.md names %s, which does not exist", name[0])
		}
	}
}

// gotchaTests are the names of all tests in the repository that pin a fault, by its id.
func gotchaTests(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("look for tests: %w", err)
		}
		for line := range strings.Lines(string(code)) {
			if !strings.HasPrefix(line, "func TestGotcha") {
				continue
			}
			if name := gotchaTest.FindStringSubmatch(line); name != nil {
				tests[name[1]] = append(tests[name[1]], name[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
