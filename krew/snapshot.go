package krew

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // The template of the manifest.
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

const (
	// Homepage of the project.
	Homepage = "https://github.com/kubectl-canary/kubectl-canary"
	// ChecksumsFile lists the SHA-256 of every archive, as sha256sum does.
	ChecksumsFile = "checksums.txt"

	// mainPackage is what is built.
	mainPackage = "./cmd/kubectl-canary"
)

//go:embed canary.yaml
var manifestTemplate string

// Targets are the platforms that archives are built for.
func Targets() []Pair {
	return []Pair{
		{"linux", "amd64"}, {"linux", "arm64"},
		{"darwin", "amd64"}, {"darwin", "arm64"},
		{"windows", "amd64"}, {"windows", "arm64"},
	}
}

// Archive is a built one.
type Archive struct {
	Pair

	// File is its name, without a folder.
	File string
	// SHA256 in lower-case hexadecimal digits.
	SHA256 string
	// Bin is the program in it.
	Bin string
	// URI is where a release has it.
	URI string
}

// Snapshot builds archives, list of checksums and manifest.
type Snapshot struct {
	// Plugin is its name; name.Plugin when empty.
	Plugin string
	// Root is the folder of the repository.
	Root string
	// Dist is where everything goes. Archives of other versions are removed from it.
	Dist   string
	Source Source
	// Log gets a line per archive.
	Log io.Writer
	// Build makes the program of a platform; nil to run the Go compiler.
	Build func(ctx context.Context, pair Pair, file string) error
}

// Make builds everything and returns the path of the manifest.
func (s Snapshot) Make(ctx context.Context) (manifest string, err error) {
	if s.Plugin == "" {
		s.Plugin = name.Plugin
	}
	if s.Build == nil {
		s.Build = s.compile
	}
	if err := CheckVersion(s.Source.Version); err != nil {
		return "", err
	}
	license, err := os.ReadFile(filepath.Join(s.Root, "LICENSE"))
	if err != nil {
		return "", fmt.Errorf("an archive needs the licence: %w", err)
	}
	if err := s.sweep(); err != nil {
		return "", err
	}
	var archives []Archive
	var sums strings.Builder
	for _, pair := range Targets() {
		a, err := s.archive(ctx, pair, license)
		if err != nil {
			return "", fmt.Errorf("archive for %s: %w", pair, err)
		}
		archives = append(archives, a)
		fmt.Fprintf(&sums, "%s  %s\n", a.SHA256, a.File)
	}
	if err := os.WriteFile(filepath.Join(s.Dist, ChecksumsFile), []byte(sums.String()), 0o644); err != nil {
		return "", err
	}
	text, err := Render(s.Plugin, s.Source.Version, archives)
	if err != nil {
		return "", err
	}
	manifest = filepath.Join(s.Dist, s.Plugin+".yaml")
	return manifest, os.WriteFile(manifest, text, 0o644)
}

// sweep removes the archives of other versions, so that what is uploaded belongs together.
func (s Snapshot) sweep() error {
	old, err := filepath.Glob(filepath.Join(s.Dist, name.Executable(s.Plugin, "")+"_*"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an archive of another version: %w", err)
		}
	}
	return nil
}

func (s Snapshot) archive(ctx context.Context, pair Pair, license []byte) (Archive, error) {
	a := Archive{Pair: pair, Bin: name.Executable(s.Plugin, pair.OS)}
	// The programs stay: the Go compiler does not link again what is current.
	program := filepath.Join(s.Dist, "build", pair.OS+"_"+pair.Arch, a.Bin)
	if err := s.Build(ctx, pair, program); err != nil {
		return a, err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return a, err
	}
	packed, err := Pack(pair.OS, []File{
		{Name: "LICENSE", Mode: 0o644, Data: license},
		{Name: a.Bin, Mode: 0o755, Data: data},
	}, s.Source.Time)
	if err != nil {
		return a, err
	}
	a.File = fmt.Sprintf("%s_%s_%s_%s%s", name.Executable(s.Plugin, ""), s.Source.Version, pair.OS, pair.Arch, Extension(pair.OS))
	a.URI = Homepage + "/releases/download/" + s.Source.Version + "/" + a.File
	sum := sha256.Sum256(packed)
	a.SHA256 = hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(s.Dist, a.File), packed, 0o644); err != nil {
		return a, err
	}
	_, err = fmt.Fprintf(s.Log, "%-60s %5.1f MB, program %5.1f MB\n", a.File, megabytes(packed), megabytes(data))
	return a, err
}

func megabytes(b []byte) float64 { return float64(len(b)) / 1e6 }

// compile runs the Go compiler. The state of the work tree is not stamped into the program by the
// compiler (buildvcs): the same sources make the same bytes.
func (s Snapshot) compile(ctx context.Context, pair Pair, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	flags := []string{
		"-s", "-w",
		"-X", "main.version=" + s.Source.Version,
		"-X", "main.commit=" + s.Source.Commit,
		"-X", "main.date=" + s.Source.Time.Format("2006-01-02T15:04:05Z"),
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", strings.Join(flags, " "), "-o", file, mainPackage)
	cmd.Dir = s.Root
	cmd.Env = append(slices.Clip(os.Environ()),
		"CGO_ENABLED=0", "GOOS="+pair.OS, "GOARCH="+pair.Arch, "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Render fills the manifest's template.
func Render(plugin, version string, archives []Archive) ([]byte, error) {
	t, err := template.New("manifest").Option("missingkey=error").Parse(manifestTemplate)
	if err != nil {
		return nil, fmt.Errorf("template of the manifest: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Name": plugin, "Display": "kubectl " + plugin, "Version": version, "Homepage": Homepage, "Platforms": archives,
	})
	if err != nil {
		return nil, fmt.Errorf("render the manifest: %w", err)
	}
	return b.Bytes(), nil
}
