package krew

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
)

// Source is what archives are built from.
type Source struct {
	// Version is a semantic version with a leading v.
	Version string
	// Commit is the git revision, shortened.
	Commit string
	// Time of the commit; every file in the archives has it.
	Time time.Time
}

// Describe reads the source of a git work tree. A commit with a version tag has that version, any other
// a snapshot version: of the patch release to come, with the number of commits since the tag.
func Describe(ctx context.Context, dir string) (Source, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return Source{}, fmt.Errorf("find the version of %s: %w", dir, err)
	}
	span := "HEAD"
	tag, err := git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
	switch {
	case err == nil:
		span = tag + "..HEAD"
	case !isExit(err):
		return Source{}, err
	}
	count, err := git("rev-list", "--count", span)
	if err != nil {
		return Source{}, err
	}
	seconds, err := git("log", "-1", "--format=%ct")
	if err != nil {
		return Source{}, err
	}
	changes, err := git("status", "--porcelain")
	if err != nil {
		return Source{}, err
	}
	commits, err := strconv.Atoi(count)
	if err != nil {
		return Source{}, fmt.Errorf("git rev-list: %w", err)
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Source{}, fmt.Errorf("git log: %w", err)
	}
	v, err := versionOf(tag, commits, commit, changes != "")
	return Source{Version: v, Commit: commit, Time: time.Unix(at, 0).UTC()}, err
}

// isExit is true when git ran and said no, which it does when there is no tag.
func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}

// versionOf makes a semantic version; tag is empty when there is none before the commit.
func versionOf(tag string, commits int, commit string, dirty bool) (string, error) {
	if tag != "" && commits == 0 && !dirty {
		return tag, CheckVersion(tag)
	}
	base := "v0.0.0"
	if tag != "" {
		if err := CheckVersion(tag); err != nil {
			return "", fmt.Errorf("tag of the last release: %w", err)
		}
		v := version.MustParseSemantic(tag)
		// What comes after a pre-release is still before its release.
		patch := v.Patch()
		if v.PreRelease() == "" {
			patch++
		}
		base = fmt.Sprintf("v%d.%d.%d", v.Major(), v.Minor(), patch)
	}
	s := fmt.Sprintf("%s-snapshot.%d.g%s", base, commits, commit)
	if dirty {
		s += ".dirty"
	}
	return s, nil
}
