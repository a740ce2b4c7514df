package krew

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// The rules about the manifest. All but uri-release are those of krew's index.
const (
	RuleFields           Rule = "known-fields"
	RuleFileName         Rule = "file-name"
	RuleAPIVersion       Rule = "api-version"
	RuleKind             Rule = "kind"
	RulePluginName       Rule = "plugin-name"
	RuleShortDescription Rule = "short-description"
	RuleVersion          Rule = "version"
	RulePlatforms        Rule = "platforms"
	RuleURI              Rule = "uri"
	RuleURIRelease       Rule = "uri-release"
	RuleSHA256           Rule = "sha256"
	RuleBin              Rule = "bin"
	RuleFiles            Rule = "files"
	RuleSelector         Rule = "selector"
	RuleKnownPlatform    Rule = "known-platform"
	RuleOverlap          Rule = "overlap"
)

var (
	safeName  = regexp.MustCompile(`^[\w-]+$`)
	hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// deviceName is what Windows takes for a device, whatever directory it is in.
	deviceName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|(com|lpt)[1-9])$`)
)

// manifestStages are the rules about the manifest as a whole.
func manifestStages(file string, p *Plugin) []stage {
	return []stage{
		{RuleAPIVersion, func() error { return equal("apiVersion", p.APIVersion, APIVersion) }},
		{RuleKind, func() error { return equal("kind", p.Kind, Kind) }},
		{RulePluginName, func() error { return checkName(p.Metadata.Name) }},
		{RuleFileName, func() error { return equal("the file name", filepath.Base(file), p.Metadata.Name+".yaml") }},
		{RuleShortDescription, func() error { return checkShortDescription(p.Spec.ShortDescription) }},
		{RuleVersion, func() error { return CheckVersion(p.Spec.Version) }},
		{RulePlatforms, func() error {
			if len(p.Spec.Platforms) == 0 {
				return errors.New("spec.platforms is empty; list one platform at least")
			}
			return nil
		}},
		{RuleOverlap, func() error { return checkOverlap(p.Spec.Platforms) }},
	}
}

// platformStages are the rules about one entry of spec.platforms.
func platformStages(spec *Spec, p *Platform) []stage {
	return []stage{
		{RuleURI, func() error { return present("uri", p.URI) }},
		{RuleURIRelease, func() error { return checkRelease(p.URI, spec.Version) }},
		{RuleSHA256, func() error {
			if !hexDigest.MatchString(p.SHA256) {
				return fmt.Errorf("sha256 is %q, want 64 lower-case hexadecimal digits", p.SHA256)
			}
			return nil
		}},
		{RuleBin, func() error { return present("bin", p.Bin) }},
		{RuleFiles, func() error { return checkFiles(p.Files) }},
		{RuleSelector, func() error { return checkSelector(p.Selector) }},
		{RuleKnownPlatform, func() error {
			if _, found := firstMatch(p.Selector); !found {
				return errors.New("the selector chooses none of the platforms that krew knows")
			}
			return nil
		}},
	}
}

func equal(what, have, want string) error {
	if have != want {
		return fmt.Errorf("%s is %q, want %q", what, have, want)
	}
	return nil
}

func present(what, value string) error {
	if value == "" {
		return fmt.Errorf("%s is not set", what)
	}
	return nil
}

func checkName(name string) error {
	if !safeName.MatchString(name) {
		return fmt.Errorf("metadata.name is %q, want letters, digits, _ and - only", name)
	}
	if deviceName.MatchString(name) {
		return fmt.Errorf("metadata.name is %q, which is a device on Windows", name)
	}
	return nil
}

func checkShortDescription(s string) error {
	if strings.ContainsAny(s, "\r\n") {
		return errors.New("spec.shortDescription has more than one line")
	}
	return present("spec.shortDescription", s)
}

// CheckVersion accepts a semantic version with a leading v.
func CheckVersion(v string) error {
	if !strings.HasPrefix(v, "v") {
		return fmt.Errorf("the version is %q, want a semantic version with a leading v", v)
	}
	if _, err := version.ParseSemantic(v); err != nil {
		return fmt.Errorf("the version is %q: %w", v, err)
	}
	return nil
}

// checkRelease finds a manifest whose archives are still those of another release.
func checkRelease(uri, version string) error {
	u, err := url.Parse(uri)
	if err != nil {
		return fmt.Errorf("uri: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("uri is %q, want an https URL", uri)
	}
	if !slices.Contains(strings.Split(u.Path, "/"), version) {
		return fmt.Errorf("uri is %q, which is not in the release %s", uri, version)
	}
	return nil
}

func checkFiles(files []FileOperation) error {
	if files != nil && len(files) == 0 {
		return errors.New("files is an empty list; leave it out to install all files")
	}
	for i, f := range files {
		if f.From == "" || f.To == "" {
			return fmt.Errorf("files[%d] needs both from and to", i)
		}
	}
	return nil
}
