package completion

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// state of the place where the link belongs.
type state int

const (
	// absent: nothing is there.
	absent state = iota
	// current: what is wanted is there.
	current
	// stale: a link or copy of ours is there that is not the wanted one.
	stale
	// foreign: somebody else's file.
	foreign
)

// mainPackage is what a build of the plugin says it was made from.
const mainPackage = "github.com/kubectl-canary/kubectl-canary/cmd/kubectl-canary"

// inspect looks at the place of the link. Target is what a link has to contain; it is empty when there
// is no program to point to, and then nothing is current.
func (o *Options) inspect(target string) (state, error) {
	path := o.link()
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	case err != nil:
		return foreign, err
	case info.IsDir():
		return foreign, fmt.Errorf("%s is a folder; move it away", path)
	case info.Mode()&fs.ModeSymlink != 0:
		return o.inspectLink(path, target)
	case o.OS == "windows" && target != "" && sameContent(path, target):
		return current, nil
	case isPlugin(path):
		return stale, nil
	}
	return foreign, nil
}

func (o *Options) inspectLink(path, target string) (state, error) {
	have, err := os.Readlink(path)
	if err != nil {
		return foreign, err
	}
	if have == target && o.OS != "windows" {
		return current, nil
	}
	// A link to a version that krew has removed leads nowhere, but its name says whose it was.
	if filepath.Base(have) == o.executable() || isPlugin(path) {
		return stale, nil
	}
	return foreign, nil
}

// isPlugin is true for a build of this program, of whatever version.
func isPlugin(path string) bool {
	info, err := buildinfo.ReadFile(path)
	return err == nil && info.Path == mainPackage
}

func sameContent(a, b string) bool {
	x, err := os.ReadFile(a)
	if err != nil {
		return false
	}
	y, err := os.ReadFile(b)
	return err == nil && bytes.Equal(x, y)
}

// place puts the link, or on windows the copy, there in one step: a shell that completes meanwhile finds
// the old one or the new one.
func (o *Options) place(target string) error {
	path := o.link()
	temporary := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	make := os.Symlink
	if o.OS == "windows" {
		make = copyFile
	}
	err := make(target, temporary)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("make %s: %w; with --dir another folder of the PATH can be chosen", path, err)
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}
