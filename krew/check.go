package krew

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	// RuleArchivePresent is kept when the archive that the manifest names was built.
	RuleArchivePresent Rule = "archive-present"
	// RuleChecksums is kept when the list of checksums says the same as the manifest.
	RuleChecksums Rule = "checksums"
)

// Options of Check.
type Options struct {
	// Manifest is the rendered one. The archives and the list of checksums are beside it.
	Manifest string
	// Run runs the program of this machine's platform from where it was installed.
	Run bool
	// Kubectl, with Run, is the kubectl that has to find the plugin; empty for none.
	Kubectl string
}

// Check holds a manifest and its archives to all rules. What is broken is in the report; an error is a
// check that could not be made.
func Check(ctx context.Context, o Options) (*Report, error) {
	text, err := os.ReadFile(o.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w; make release-snapshot renders it", err)
	}
	r := &Report{}
	var p *Plugin
	where := filepath.Base(o.Manifest)
	parsed := r.all(where, stage{RuleFields, func() (err error) {
		p, err = Parse(text)
		return err
	}})
	if !parsed {
		return r, nil
	}
	sound := r.all(where, manifestStages(o.Manifest, p)...)
	for i := range p.Spec.Platforms {
		sound = r.all(label(i, &p.Spec.Platforms[i]), platformStages(&p.Spec, &p.Spec.Platforms[i])...) && sound
	}
	if !sound {
		// An installation would only say once more what is wrong already.
		return r, nil
	}
	r.all(ChecksumsFile, stage{RuleChecksums, func() error { return checkChecksums(filepath.Dir(o.Manifest), p) }})
	for i := range p.Spec.Platforms {
		if err := checkInstallation(ctx, r, o, p, i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func label(i int, p *Platform) string {
	pair, found := firstMatch(p.Selector)
	if !found {
		return fmt.Sprintf("platforms[%d]", i)
	}
	return fmt.Sprintf("platforms[%d] %s", i, pair)
}

// checkInstallation installs one platform into a folder of its own.
func checkInstallation(ctx context.Context, r *Report, o Options, p *Plugin, i int) error {
	platform := &p.Spec.Platforms[i]
	pair, _ := firstMatch(platform.Selector)
	where := label(i, platform)
	var archive []byte
	read := func() (err error) {
		archive, err = os.ReadFile(filepath.Join(filepath.Dir(o.Manifest), archiveOf(platform)))
		return err
	}
	if !r.all(where, stage{RuleArchivePresent, read}) {
		return nil
	}
	dir, err := os.MkdirTemp("", "krew-check-")
	if err != nil {
		return fmt.Errorf("make a folder to install in: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // A temporary folder that stays harms nobody.
	root := Root{Dir: dir}
	if !r.inOrder(where, installStages(root, p, platform, pair, archive)...) {
		return nil
	}
	if o.Run && pair.OS == runtime.GOOS && pair.Arch == runtime.GOARCH {
		tryHost(ctx, r, host{where: where, root: root, plugin: p, goos: pair.OS, bin: platform.Bin, kubectl: o.Kubectl})
	}
	return nil
}

// archiveOf is the file that a manifest's URI ends with.
func archiveOf(p *Platform) string {
	u, err := url.Parse(p.URI)
	if err != nil {
		return ""
	}
	return path.Base(u.Path)
}

// checkChecksums compares the list that people verify downloads with to the manifest.
func checkChecksums(dir string, p *Plugin) error {
	f, err := os.Open(filepath.Join(dir, ChecksumsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	listed := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, file, found := strings.Cut(lines.Text(), "  ")
		if !found {
			return fmt.Errorf("line %q is not a sum, two spaces and a file", lines.Text())
		}
		listed[file] = sum
	}
	for i := range p.Spec.Platforms {
		file := archiveOf(&p.Spec.Platforms[i])
		if err := equal("the sum of "+file, listed[file], p.Spec.Platforms[i].SHA256); err != nil {
			return err
		}
	}
	return nil
}
