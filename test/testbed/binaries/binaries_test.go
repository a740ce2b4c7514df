//go:build unix

package binaries

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTool is a program of four lines in a module without dependencies.
func fakeTool(t *testing.T, source string) (tool, string) {
	t.Helper()
	src := t.TempDir()
	files := map[string]string{"go.mod": "module example.com/fake\n\ngo 1.26\n", "main.go": source, "crds/a.yaml": "kind: CustomResourceDefinition\n", "crds/b.yaml": "kind: Policy\n"}
	for name, text := range files {
		path := filepath.Join(src, "fake", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tool{name: "fake", module: "fake", pkg: "example.com/fake", version: "v1", minutes: "a second",
		crds: []crdSource{{"example.com/fake", "crds/*.yaml"}}}, src
}

const goodSource = "package main\n\nfunc main() {}\n"

func TestTwoBuildOnce(t *testing.T) {
	fake, src := fakeTool(t, goodSource)
	dir := filepath.Join(t.TempDir(), "fake-0123456789abcdef")
	var both sync.WaitGroup
	var outputs [2]bytes.Buffer
	for i := range outputs {
		both.Go(func() {
			if err := buildLocked(t.Context(), &outputs[i], fake, filepath.Join(src, "fake"), dir, "1 of 1"); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	all := outputs[0].String() + outputs[1].String()
	if n := strings.Count(all, "testbed: built fake"); n != 1 {
		t.Errorf("built %d times:\n%s", n, all)
	}
	set := Set{dirs: map[string]string{"fake": dir}}
	if !present(dir, "fake") {
		t.Error("the program is missing")
	}
	if crds, err := set.CRDs("fake"); err != nil || len(crds) != 1 {
		t.Errorf("CRDs: %v, %v", crds, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".building-*")); len(left) > 0 {
		t.Errorf("scratch directories left: %v", left)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	fake, src := fakeTool(t, "package main\n\nfunc main() { undefined() }\n")
	cache := t.TempDir()
	dir := filepath.Join(cache, "fake-0123456789abcdef")
	err := buildLocked(t.Context(), new(bytes.Buffer), fake, filepath.Join(src, "fake"), dir, "1 of 1")
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("error does not quote the compiler: %v", err)
	}
	if present(dir, "fake") {
		t.Error("a failed build counts as present")
	}
}

func TestHashFollowsPinAndFlags(t *testing.T) {
	fake, src := fakeTool(t, goodSource)
	hash := func() string {
		t.Helper()
		h, err := fake.hash(src)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := hash()
	if again := hash(); again != first {
		t.Errorf("hash changes by itself: %s, %s", first, again)
	}
	fake.tags = "other"
	flags := hash()
	if err := os.WriteFile(filepath.Join(src, "fake", "go.sum"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if pin := hash(); flags == first || pin == flags {
		t.Errorf("hash does not follow flags (%s to %s) or pins (to %s)", first, flags, pin)
	}
}

func TestEvictKeepsTheTwoUsedLast(t *testing.T) {
	cache := t.TempDir()
	for i, hash := range []string{"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"} {
		dir := filepath.Join(cache, "etcd-"+hash)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		used := time.Now().Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(dir, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(cache, "traefik-dddddddddddddddd"), 0o755); err != nil {
		t.Fatal(err)
	}
	evict(cache, "etcd")
	left, _ := filepath.Glob(filepath.Join(cache, "*"))
	if len(left) != 3 || present(cache, "etcd-cccccccccccccccc") {
		t.Errorf("left: %v", left)
	}
}

// TestPinsAreComplete keeps go.mod, the table of tools and the README together.
func TestPinsAreComplete(t *testing.T) {
	src, err := sourceDir()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(src, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range tools {
		mod, err := os.ReadFile(filepath.Join(src, each.module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(mod), " "+each.version) || !strings.Contains(string(mod), each.pkg) {
			t.Errorf("%s/go.mod does not pin %s at %s", each.module, each.pkg, each.version)
		}
		if !strings.Contains(string(readme), each.version) {
			t.Errorf("README.md does not name %s %s", each.name, each.version)
		}
	}
}
