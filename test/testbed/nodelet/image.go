package nodelet

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// image is a parsed image reference.
type image struct {
	repository string // without registry docker.io and without "library/"
	tag        string // "latest" when the reference names none
	digest     string
}

// parseImage splits a reference the way a container runtime does: a colon is a
// tag only behind the last slash (before it, it is a registry's port).
func parseImage(ref string) image {
	rest, digest, _ := strings.Cut(ref, "@")
	tag := ""
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		rest, tag = rest[:i], rest[i+1:]
	}
	if tag == "" && digest == "" {
		tag = "latest"
	}
	rest = strings.TrimPrefix(rest, "docker.io/")
	rest = strings.TrimPrefix(rest, "library/")
	return image{repository: rest, tag: tag, digest: digest}
}

func (i image) String() string {
	s := i.repository
	if i.tag != "" {
		s += ":" + i.tag
	}
	if i.digest != "" {
		s += "@" + i.digest
	}
	return s
}

// findProgram returns the program that stands for the image reference.
func findProgram(programs map[string]Program, ref string) (Program, error) {
	if p, ok := programs[ref]; ok {
		return p, nil
	}
	want := parseImage(ref)
	for key, p := range programs {
		if parseImage(key).String() == want.String() {
			return p, nil
		}
	}
	for key, p := range programs {
		if repo, ok := strings.CutSuffix(key, ":*"); ok && parseImage(repo).repository == want.repository {
			return p, nil
		}
	}
	return Program{}, fmt.Errorf("failed to pull and unpack image %q: not found: the node runs only the images of its program table (Config.Programs)", ref)
}

// command builds the argument vector of a container out of its program and of
// what its manifest says.
func (p Program) command(command, args []string, env map[string]string) (path string, argv []string) {
	path = p.Path
	words := slices.Concat([]string{p.Path}, p.Args)
	if len(command) > 0 {
		if local, ok := p.Commands[filepath.Base(command[0])]; ok {
			path, words = local, command[:1:1]
		}
		words = append(words, command[1:]...)
	}
	for _, w := range append(words, args...) {
		argv = append(argv, expand(w, env))
	}
	return path, argv
}
