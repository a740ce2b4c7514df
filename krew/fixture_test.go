package krew_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/krew"
	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

const version = "v1.2.3"

var built = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// fixture is a release in a folder, with programs that are headers and nothing else.
type fixture struct {
	t        *testing.T
	dist     string
	manifest string
}

// release makes one that keeps every rule.
func release(t *testing.T, plugin string) *fixture {
	t.Helper()
	root, dist := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "LICENSE"), []byte("Everybody may use it.\n"))
	s := krew.Snapshot{
		Plugin: plugin, Root: root, Dist: dist, Log: io.Discard,
		Source: krew.Source{Version: version, Commit: "abc", Time: built},
		Build: func(_ context.Context, pair krew.Pair, file string) error {
			write(t, file, header(t, pair))
			return nil
		},
	}
	manifest, err := s.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, dist: dist, manifest: manifest}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// header is the beginning of a program, which says what platform it is for.
func header(t *testing.T, pair krew.Pair) []byte {
	t.Helper()
	arm := pair.Arch == "arm64"
	choose := func(ifArm, otherwise uint32) uint32 {
		if arm {
			return ifArm
		}
		return otherwise
	}
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	switch pair.OS {
	case "windows":
		put([]byte("MZ"), make([]byte, 0x3c-2), uint32(0x80), make([]byte, 0x80-0x40), []byte("PE\x00\x00"))
		put(uint16(choose(0xaa64, 0x8664)), uint16(0), make([]byte, 16)) //nolint:gosec // Both fit.
	case "darwin":
		put(uint32(0xfeedfacf), choose(0x0100000c, 0x01000007), uint32(0), uint32(2), make([]byte, 16))
	default:
		put([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9))
		put(uint16(2), uint16(choose(183, 62)), uint32(1), make([]byte, 28), uint16(64), make([]byte, 10)) //nolint:gosec // Both fit.
	}
	return b.Bytes()
}

// edit changes the manifest.
func (f *fixture) edit(change func(*krew.Plugin)) {
	f.t.Helper()
	p, err := krew.Parse(read(f.t, f.manifest))
	if err != nil {
		f.t.Fatal(err)
	}
	change(p)
	text, err := yaml.Marshal(p)
	if err != nil {
		f.t.Fatal(err)
	}
	write(f.t, f.manifest, text)
}

// replace changes the text of the manifest, where a program could not.
func (f *fixture) replace(old, with string) {
	f.t.Helper()
	text := string(read(f.t, f.manifest))
	if !strings.Contains(text, old) {
		f.t.Fatalf("%q is not in the manifest:\n%s", old, text)
	}
	write(f.t, f.manifest, []byte(strings.ReplaceAll(text, old, with)))
}

// linux changes the first platform's entry.
func (f *fixture) linux(change func(*krew.Platform)) {
	f.edit(func(p *krew.Plugin) { change(&p.Spec.Platforms[0]) })
}

// archive is the file of the first platform, linux/amd64.
func (f *fixture) archive() string {
	return filepath.Join(f.dist, "kubectl-canary_"+version+"_linux_amd64.tar.gz")
}

// ship replaces the archive of the first platform and all that is said of its sum.
func (f *fixture) ship(archive []byte) {
	f.t.Helper()
	sum := func(data []byte) string {
		s := sha256.Sum256(data)
		return hex.EncodeToString(s[:])
	}
	old, now := sum(read(f.t, f.archive())), sum(archive)
	write(f.t, f.archive(), archive)
	f.replace(old, now)
	sums := filepath.Join(f.dist, krew.ChecksumsFile)
	write(f.t, sums, bytes.ReplaceAll(read(f.t, sums), []byte(old), []byte(now)))
}

// pack ships an archive of some files.
func (f *fixture) pack(files ...krew.File) {
	f.t.Helper()
	archive, err := krew.Pack("linux", files, built)
	if err != nil {
		f.t.Fatal(err)
	}
	f.ship(archive)
}

// license and program are what the archive for linux/amd64 has in it.
func (f *fixture) license() krew.File {
	return krew.File{Name: "LICENSE", Mode: 0o644, Data: []byte("Everybody may use it.\n")}
}

func (f *fixture) program() krew.File {
	f.t.Helper()
	return krew.File{
		Name: name.Executable("canary", "linux"), Mode: 0o755,
		Data: header(f.t, krew.Pair{OS: "linux", Arch: "amd64"}),
	}
}

func (f *fixture) check() *krew.Report {
	f.t.Helper()
	r, err := krew.Check(f.t.Context(), krew.Options{Manifest: f.manifest})
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func failing(context.Context, krew.Pair, string) error { return errors.New("no compiler") }
