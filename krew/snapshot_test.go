package krew_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/krew"
)

func TestSameSourceMakesTheSameBytes(t *testing.T) {
	first, second := release(t, "canary"), release(t, "canary")
	entries, err := os.ReadDir(first.dist)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		compared++
		if !bytes.Equal(read(t, filepath.Join(first.dist, entry.Name())), read(t, filepath.Join(second.dist, entry.Name()))) {
			t.Errorf("%s differs", entry.Name())
		}
	}
	if want := len(krew.Targets()) + 2; compared != want {
		t.Errorf("%d files, want %d", compared, want)
	}
}

func TestPackDoesNotDependOnTheOrder(t *testing.T) {
	a, b := krew.File{Name: "a", Mode: 0o644, Data: []byte("1")}, krew.File{Name: "b", Mode: 0o755, Data: []byte("2")}
	for _, goos := range []string{"linux", "windows"} {
		first, err := krew.Pack(goos, []krew.File{a, b}, built)
		if err != nil {
			t.Fatal(err)
		}
		second, err := krew.Pack(goos, []krew.File{b, a}, built)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s: the archive depends on the order of the files", goos)
		}
	}
}

func TestTarSaysNothingOfTheMachine(t *testing.T) {
	packed, err := krew.Pack("linux", []krew.File{{Name: "f", Mode: 0o755, Data: []byte("x")}}, built)
	if err != nil {
		t.Fatal(err)
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if !zr.ModTime.IsZero() || zr.Name != "" {
		t.Errorf("gzip has time %s and name %q", zr.ModTime, zr.Name)
	}
	tr := tar.NewReader(zr)
	h, err := tr.Next()
	if err != nil {
		t.Fatal(err)
	}
	if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(built) || h.Mode != 0o755 {
		t.Errorf("header %+v", h)
	}
	if _, err := tr.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("a second entry: %v", err)
	}
}

func TestZipKeepsTheMode(t *testing.T) {
	packed, err := krew.Pack("windows", []krew.File{{Name: "f.exe", Mode: 0o755, Data: []byte("x")}}, built)
	if err != nil {
		t.Fatal(err)
	}
	zr, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if f := zr.File[0]; f.Mode().Perm() != 0o755 || !f.Modified.Equal(built) {
		t.Errorf("mode %s, time %s", f.Mode(), f.Modified)
	}
}

func TestSnapshotRemovesArchivesOfOtherVersions(t *testing.T) {
	f := release(t, "canary")
	old := filepath.Join(f.dist, "kubectl-canary_v1.0.0_linux_amd64.tar.gz")
	other := filepath.Join(f.dist, "artifacts", "log")
	write(t, old, nil)
	write(t, other, nil)
	s := krew.Snapshot{
		Root: f.dist, Dist: f.dist, Log: io.Discard, Source: krew.Source{Version: "v1.2.4", Time: built},
	}
	if _, err := s.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "licence") {
		t.Errorf("without LICENSE: %v", err)
	}
	write(t, filepath.Join(f.dist, "LICENSE"), []byte("x"))
	s.Build = failing
	if _, err := s.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "linux/amd64: no compiler") {
		t.Errorf("without a compiler: %v", err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the archive of another version stays")
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that is no archive is gone: %v", err)
	}
}

func TestManifestIsRenderedFromTheArchives(t *testing.T) {
	f := release(t, "canary-rollout")
	p, err := krew.Parse(read(t, f.manifest))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(f.manifest) != "canary-rollout.yaml" || p.Metadata.Name != "canary-rollout" {
		t.Errorf("%s names %q", f.manifest, p.Metadata.Name)
	}
	last := p.Spec.Platforms[5]
	if last.Bin != "kubectl-canary_rollout.exe" {
		t.Errorf("bin %q", last.Bin)
	}
	want := krew.Homepage + "/releases/download/v1.2.3/kubectl-canary_rollout_v1.2.3_windows_arm64.zip"
	if last.URI != want {
		t.Errorf("uri %q, want %q", last.URI, want)
	}
	if !strings.Contains(p.Spec.Caveats, "kubectl canary-rollout completion install") {
		t.Errorf("caveats %q", p.Spec.Caveats)
	}
	if len(p.Spec.ShortDescription) > 50 {
		t.Errorf("the short description has %d characters, and lists cut it at 50", len(p.Spec.ShortDescription))
	}
	for line := range strings.Lines(p.Spec.Description + p.Spec.Caveats) {
		if len(line) > 81 {
			t.Errorf("line of %d characters: %s", len(line)-1, line)
		}
	}
	if text := p.Spec.Description; strings.Contains(text, "--") || strings.Contains(text, "{{") {
		t.Errorf("description lists flags: %s", text)
	}
}
