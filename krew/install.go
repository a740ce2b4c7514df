package krew

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

// The rules about an archive and its installation. bin-platform is ours, all others are krew's.
const (
	RuleArchiveSHA256 Rule = "archive-sha256"
	RuleArchiveFormat Rule = "archive-format"
	RuleFilesMove     Rule = "files-move"
	RuleBinInside     Rule = "bin-inside"
	RuleBinInstalled  Rule = "bin-installed"
	RuleBinExecutable Rule = "bin-executable"
	RuleBinPlatform   Rule = "bin-platform"
	RuleLicense       Rule = "license"
	RuleLink          Rule = "link"
)

// Root is a folder laid out as krew does, by default ~/.krew.
type Root struct{ Dir string }

// Bin is the folder that is on the PATH.
func (r Root) Bin() string { return filepath.Join(r.Dir, "bin") }

// Store is where one version of a plugin lives.
func (r Root) Store(plugin, version string) string {
	return filepath.Join(r.Dir, "store", plugin, version)
}

// Receipt is the file that says that a plugin is installed.
func (r Root) Receipt(plugin string) string { return filepath.Join(r.Dir, "receipts", plugin+".yaml") }

// Link is what kubectl finds on the PATH.
func (r Root) Link(plugin, goos string) string {
	return filepath.Join(r.Bin(), name.Executable(plugin, goos))
}

// installStages install one platform, in the order in which krew does it. Each stage needs the one before.
func installStages(root Root, p *Plugin, platform *Platform, pair Pair, archive []byte) []stage {
	store := root.Store(p.Metadata.Name, p.Spec.Version)
	program := filepath.Join(store, filepath.FromSlash(platform.Bin))
	var files []File
	return []stage{
		{RuleArchiveSHA256, func() error {
			sum := sha256.Sum256(archive)
			return equal("sha256 of the archive", hex.EncodeToString(sum[:]), platform.SHA256)
		}},
		{RuleArchiveFormat, func() (err error) {
			files, err = unpack(archive)
			return err
		}},
		{RuleFilesMove, func() error { return fill(store, files, platform.Files) }},
		{RuleBinInside, func() error {
			if !within(store, program) {
				return fmt.Errorf("bin is %q, which leads out of the installation folder", platform.Bin)
			}
			return nil
		}},
		{RuleBinInstalled, func() error { return checkInstalled(program, platform.Bin) }},
		{RuleBinExecutable, func() error { return checkExecutable(program, platform.Bin) }},
		{RuleBinPlatform, func() error { return checkPlatform(program, pair) }},
		{RuleLicense, func() error { return checkLicense(store) }},
		{RuleLink, func() error { return link(root, p, pair.OS, program) }},
	}
}

// fill unpacks files into a folder of its own and moves from there what the manifest wants.
func fill(store string, files []File, operations []FileOperation) error {
	staging := store + ".staging"
	defer os.RemoveAll(staging) //nolint:errcheck // It is in a temporary folder, which is removed as a whole.
	for _, f := range files {
		path := filepath.Join(staging, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, f.Mode); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(store, 0o755); err != nil {
		return err
	}
	if operations == nil {
		operations = []FileOperation{{From: "*", To: "."}}
	}
	for i, op := range operations {
		if err := move(staging, store, op); err != nil {
			return fmt.Errorf("files[%d]: %w", i, err)
		}
	}
	return nil
}

func checkInstalled(program, bin string) error {
	info, err := os.Stat(program)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bin is %q, but nothing of that name is installed", bin)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("bin is %q, which is no file", bin)
	}
	return nil
}

func checkExecutable(program, bin string) error {
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o111 != 0o111 {
		return fmt.Errorf("bin is %q with mode %s, which not everybody can execute", bin, info.Mode().Perm())
	}
	return nil
}

// checkLicense wants a file that the maintainers of the index take for a licence.
func checkLicense(store string) error {
	found := false
	err := filepath.WalkDir(store, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		switch strings.ToLower(entry.Name()) {
		case "license", "license.txt", "license.md", "licenses", "licenses.txt", "licenses.md", "copying", "copying.txt":
			found = true
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("no LICENSE or COPYING is installed")
	}
	return err
}

// link puts the program on the PATH and writes the receipt, which krew reads at the next upgrade.
func link(root Root, p *Plugin, goos, program string) error {
	receipt := root.Receipt(p.Metadata.Name)
	for _, folder := range []string{root.Bin(), filepath.Dir(receipt)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	path := root.Link(p.Metadata.Name, goos)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(program, path); err != nil {
		return err
	}
	text, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	text = append(text, "status:\n  source:\n    name: default\n"...)
	return os.WriteFile(receipt, text, 0o644)
}
