package krew

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
)

func TestVersionOf(t *testing.T) {
	for _, c := range []struct {
		tag     string
		commits int
		dirty   bool
		want    string
	}{
		{"", 7, false, "v0.0.0-snapshot.7.g0abc"},
		{"", 7, true, "v0.0.0-snapshot.7.g0abc.dirty"},
		{"v1.2.3", 0, false, "v1.2.3"},
		{"v1.2.3", 0, true, "v1.2.4-snapshot.0.g0abc.dirty"},
		{"v1.2.3", 12, false, "v1.2.4-snapshot.12.g0abc"},
		{"v1.3.0-rc.1", 2, false, "v1.3.0-snapshot.2.g0abc"},
	} {
		have, err := versionOf(c.tag, c.commits, "0abc", c.dirty)
		if err != nil || have != c.want {
			t.Errorf("%+v: %q, %v", c, have, err)
		}
		if err := CheckVersion(have); err != nil {
			t.Error(err)
		}
		if c.tag != "" && have != c.tag && !version.MustParseSemantic(c.tag).LessThan(version.MustParseSemantic(have)) {
			t.Errorf("%s is not newer than %s", have, c.tag)
		}
	}
	if v, err := versionOf("v1.2", 1, "0abc", false); err == nil {
		t.Errorf("a tag that is no version gives %s", v)
	}
}

func TestDescribeReadsGit(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-08-01T12:00:00Z", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	describe := func() Source {
		t.Helper()
		s, err := Describe(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "First")
	s := describe()
	if want := "v0.0.0-snapshot.1.g" + s.Commit; s.Version != want || len(s.Commit) != 12 {
		t.Errorf("without a tag: %+v, want %s", s, want)
	}
	if want := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC); !s.Time.Equal(want) {
		t.Errorf("time %s, want that of the commit, %s", s.Time, want)
	}
	git("tag", "v0.3.0")
	git("tag", "other")
	if s := describe(); s.Version != "v0.3.0" {
		t.Errorf("with a tag: %s", s.Version)
	}
	git("commit", "-q", "--allow-empty", "-m", "Second")
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s = describe()
	if want := "v0.3.1-snapshot.1.g" + s.Commit + ".dirty"; s.Version != want {
		t.Errorf("after a tag: %s, want %s", s.Version, want)
	}
	if _, err := Describe(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder without git has a version")
	}
}
