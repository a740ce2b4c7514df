package krew_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/krew"
)

func TestGoodReleasePasses(t *testing.T) {
	for _, plugin := range []string{"canary", "canary-rollout"} {
		r := release(t, plugin).check()
		if err := r.Err(); err != nil {
			t.Errorf("%s: %v", plugin, err)
		}
		installed := 0
		for _, f := range r.Findings {
			if f.Rule == krew.RuleLink {
				installed++
			}
		}
		if want := len(krew.Targets()); installed != want {
			t.Errorf("%s: %d platforms were installed, want %d", plugin, installed, want)
		}
	}
}

// broken are releases with one rule broken each.
var broken = []struct {
	name string
	rule krew.Rule
	says string
	by   func(*fixture)
}{
	{"unknown field", krew.RuleFields, `"short"`, func(f *fixture) { f.replace("shortDescription:", "short:") }},
	{"field twice", krew.RuleFields, "already set", func(f *fixture) { f.replace("  homepage:", "  version: v1.2.3\n  homepage:") }},
	{"field of another type", krew.RuleFields, "cannot unmarshal", func(f *fixture) {
		f.replace("version: v1.2.3\n", "version: [v1.2.3]\n")
	}},
	{"old API version", krew.RuleAPIVersion, "v1alpha1", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.APIVersion = "krew/v1alpha1" }) }},
	{"other kind", krew.RuleKind, "Plugins", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Kind = "Plugins" }) }},
	{"name with a slash", krew.RulePluginName, "a/b", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Metadata.Name = "a/b" }) }},
	{"name is a device", krew.RulePluginName, "device", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Metadata.Name = "Lpt1" }) }},
	{"file has another name", krew.RuleFileName, "canary.yaml", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Metadata.Name = "canaries" }) }},
	{"file has another extension", krew.RuleFileName, "canary.yml", func(f *fixture) {
		other := strings.TrimSuffix(f.manifest, ".yaml") + ".yml"
		if err := os.Rename(f.manifest, other); err != nil {
			f.t.Fatal(err)
		}
		f.manifest = other
	}},
	{"no short description", krew.RuleShortDescription, "not set", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Spec.ShortDescription = "" }) }},
	{"long short description", krew.RuleShortDescription, "one line", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Spec.ShortDescription = "a\nb" }) }},
	{"no version", krew.RuleVersion, "leading v", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Spec.Version = "" }) }},
	{"version without v", krew.RuleVersion, "leading v", func(f *fixture) { f.replace("version: v1.2.3", "version: 1.2.3") }},
	{"version is not semantic", krew.RuleVersion, "v1.2", func(f *fixture) { f.replace("version: v1.2.3", "version: v1.2") }},
	{"no platform", krew.RulePlatforms, "empty", func(f *fixture) { f.edit(func(p *krew.Plugin) { p.Spec.Platforms = nil }) }},
	{"no uri", krew.RuleURI, "not set", func(f *fixture) { f.linux(func(p *krew.Platform) { p.URI = "" }) }},
	{"uri of another release", krew.RuleURIRelease, "v1.2.3", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.URI = strings.ReplaceAll(p.URI, "v1.2.3", "v1.2.2") })
	}},
	{"uri without TLS", krew.RuleURIRelease, "https", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.URI = strings.Replace(p.URI, "https", "http", 1) })
	}},
	{"no sha256", krew.RuleSHA256, "64", func(f *fixture) { f.linux(func(p *krew.Platform) { p.SHA256 = "" }) }},
	{"sha256 in upper case", krew.RuleSHA256, "lower-case", func(f *fixture) { f.linux(func(p *krew.Platform) { p.SHA256 = strings.Repeat("A", 64) }) }},
	{"short sha256", krew.RuleSHA256, "64", func(f *fixture) { f.linux(func(p *krew.Platform) { p.SHA256 = p.SHA256[1:] }) }},
	{"no bin", krew.RuleBin, "not set", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Bin = "" }) }},
	{"files is empty", krew.RuleFiles, "leave it out", func(f *fixture) { f.replace("    bin: kubectl-canary\n", "    bin: kubectl-canary\n    files: []\n") }},
	{"files without from", krew.RuleFiles, "files[0]", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{To: "."}} }) }},
	{"files without to", krew.RuleFiles, "files[0]", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "*"}} }) }},
	{"no selector", krew.RuleSelector, "not set", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Selector = nil }) }},
	{"selector is empty", krew.RuleSelector, "not set", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Selector = &metav1.LabelSelector{} }) }},
	{"labels are empty", krew.RuleSelector, "matchLabels is empty", func(f *fixture) {
		f.replace("      matchLabels:\n        os: linux\n        arch: amd64\n", "      matchLabels: {}\n")
	}},
	{"expressions are empty", krew.RuleSelector, "matchExpressions is empty", func(f *fixture) {
		f.replace("        arch: amd64\n", "        arch: amd64\n      matchExpressions: []\n")
	}},
	{"selector has another key", krew.RuleSelector, `"libc"`, func(f *fixture) { f.linux(func(p *krew.Platform) { p.Selector.MatchLabels["libc"] = "musl" }) }},
	{"expression has another key", krew.RuleSelector, `"libc"`, func(f *fixture) {
		f.linux(func(p *krew.Platform) {
			p.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "libc", Operator: metav1.LabelSelectorOpDoesNotExist}}
		})
	}},
	{"platform that krew does not know", krew.RuleKnownPlatform, "none of the platforms", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Selector.MatchLabels["os"] = "plan9" })
	}},
	{"two entries for one platform", krew.RuleOverlap, "platforms[0] and platforms[1] both choose linux/arm64", func(f *fixture) {
		f.linux(func(p *krew.Platform) { delete(p.Selector.MatchLabels, "arch") })
	}},
	{"overlap by expression", krew.RuleOverlap, "both choose darwin/amd64", func(f *fixture) {
		f.linux(func(p *krew.Platform) {
			p.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "os", Operator: metav1.LabelSelectorOpIn, Values: []string{"linux", "darwin"}},
				{Key: "arch", Operator: metav1.LabelSelectorOpIn, Values: []string{"amd64"}},
			}}
		})
	}},
	{"checksums of another build", krew.RuleChecksums, "linux_amd64", func(f *fixture) {
		write(f.t, filepath.Join(f.dist, krew.ChecksumsFile), []byte(strings.Repeat("0", 64)+"  kubectl-canary_v1.2.3_linux_amd64.tar.gz\n"))
	}},
	{"no checksums", krew.RuleChecksums, "no such file", func(f *fixture) {
		if err := os.Remove(filepath.Join(f.dist, krew.ChecksumsFile)); err != nil {
			f.t.Fatal(err)
		}
	}},
	{"no archive", krew.RuleArchivePresent, "no such file", func(f *fixture) {
		if err := os.Remove(f.archive()); err != nil {
			f.t.Fatal(err)
		}
	}},
	{"archive was built again", krew.RuleArchiveSHA256, "sha256", func(f *fixture) {
		write(f.t, f.archive(), append(read(f.t, f.archive()), 0))
	}},
	{"archive is none", krew.RuleArchiveFormat, "neither", func(f *fixture) { f.ship([]byte("#!/bin/sh\n")) }},
	{"archive is cut off", krew.RuleArchiveFormat, "EOF", func(f *fixture) {
		whole := read(f.t, f.archive())
		f.ship(whole[:len(whole)-20])
	}},
	{"entry leads out", krew.RuleArchiveFormat, "leads out", func(f *fixture) {
		f.pack(f.license(), f.program(), krew.File{Name: "../../.bashrc", Mode: 0o644})
	}},
	{"entry is absolute", krew.RuleArchiveFormat, "leads out", func(f *fixture) {
		f.pack(f.license(), f.program(), krew.File{Name: "/etc/profile", Mode: 0o644})
	}},
	{"entry is a link", krew.RuleArchiveFormat, "neither a file nor a folder", func(f *fixture) { f.ship(linkArchive(f.t)) }},
	{"files moves nothing", krew.RuleFilesMove, "no such file", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "bin/*", To: "."}} })
	}},
	{"files takes from outside", krew.RuleFilesMove, "from leads out", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "../*", To: "."}} })
	}},
	{"files puts outside", krew.RuleFilesMove, "to leads out", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "LICENSE", To: "../LICENSE"}} })
	}},
	{"files puts a glob outside", krew.RuleFilesMove, "to leads out", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "*", To: ".."}} })
	}},
	{"files has a path that is not clean", krew.RuleFilesMove, `want "doc"`, func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "LICENSE", To: "doc/"}} })
	}},
	{"bin leads out", krew.RuleBinInside, "leads out", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Bin = "../../../bin/sh" }) }},
	{"bin is not there", krew.RuleBinInstalled, "nothing of that name", func(f *fixture) { f.linux(func(p *krew.Platform) { p.Bin = "kubectl-canari" }) }},
	{"bin is left in the archive", krew.RuleBinInstalled, "nothing of that name", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "LICENSE", To: "."}} })
	}},
	{"bin is a folder", krew.RuleBinInstalled, "no file", func(f *fixture) {
		program := f.program()
		program.Name = "kubectl-canary/kubectl-canary"
		f.pack(f.license(), program)
	}},
	{"bin cannot be executed", krew.RuleBinExecutable, "-rw-r--r--", func(f *fixture) {
		program := f.program()
		program.Mode = 0o644
		f.pack(f.license(), program)
	}},
	{"program of another architecture", krew.RuleBinPlatform, "arm64, want linux/amd64", func(f *fixture) {
		program := f.program()
		program.Data = header(f.t, krew.Pair{OS: "linux", Arch: "arm64"})
		f.pack(f.license(), program)
	}},
	{"program of another system", krew.RuleBinPlatform, "no program for linux/amd64", func(f *fixture) {
		program := f.program()
		program.Data = header(f.t, krew.Pair{OS: "darwin", Arch: "amd64"})
		f.pack(f.license(), program)
	}},
	{"no licence", krew.RuleLicense, "LICENSE", func(f *fixture) { f.pack(f.program()) }},
	{"licence is not installed", krew.RuleLicense, "LICENSE", func(f *fixture) {
		f.linux(func(p *krew.Platform) { p.Files = []krew.FileOperation{{From: "kubectl-*", To: "."}} })
	}},
}

func TestOneBrokenRuleFailsAndIsNamed(t *testing.T) {
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			f := release(t, "canary")
			c.by(f)
			err := f.check().Err()
			if err == nil {
				t.Fatalf("passes, want rule %s broken", c.rule)
			}
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "rule "+string(c.rule)+": ") && strings.Contains(line, c.says) {
					return
				}
			}
			t.Errorf("says %q, want rule %s and %q", err, c.rule, c.says)
		})
	}
}

func TestEveryRuleHasABrokenRelease(t *testing.T) {
	tried := map[krew.Rule]bool{krew.RuleLink: true} // The link is ours to make; no release can break it.
	for _, c := range broken {
		tried[c.rule] = true
	}
	for _, f := range release(t, "canary").check().Findings {
		if !tried[f.Rule] {
			t.Errorf("no broken release for rule %s", f.Rule)
			tried[f.Rule] = true
		}
	}
}

func TestFilesMayBePutIntoFolders(t *testing.T) {
	f := release(t, "canary")
	program := f.program()
	program.Name = "pkg/linux/kubectl-canary"
	f.pack(f.license(), program)
	f.linux(func(p *krew.Platform) {
		p.Files = []krew.FileOperation{{From: "pkg/*/kubectl-canary", To: "bin"}, {From: "LICENSE", To: "doc/COPYING"}}
		p.Bin = "bin/kubectl-canary"
	})
	if err := f.check().Err(); err != nil {
		t.Error(err)
	}
}

// linkArchive has a symbolic link in it.
func linkArchive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "kubectl-canary", Linkname: "/bin/sh", Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
