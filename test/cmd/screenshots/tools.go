//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// font has braille, blocks and frames, all of one width.
const font = "DejaVu Sans Mono"

// tools looks for the programs that make pictures, and says which packages have what is missing. With
// install it installs them first.
func tools(ctx context.Context, install bool) error {
	missing := packages(ctx)
	if len(missing) == 0 {
		return nil
	}
	command := "apt-get install -y --no-install-recommends " + strings.Join(missing, " ")
	if !install {
		return fmt.Errorf("there is no terminal to look at; install it with\n\n  %s\n\nor run this with -install as root", command)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("-install: only root can install packages: sudo %s", command)
	}
	args := strings.Fields(command)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if missing := packages(ctx); len(missing) > 0 {
		return fmt.Errorf("installed, and yet these are missing: %s", strings.Join(missing, " "))
	}
	return nil
}

// packages names those of Debian and Ubuntu with what is missing here.
func packages(ctx context.Context) []string {
	var missing []string
	need := func(there bool, pkg string) {
		if !there {
			missing = append(missing, pkg)
		}
	}
	has := func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	}
	need(has("Xvfb"), "xvfb")
	need(has("kitty"), "kitty")
	drivers, _ := filepath.Glob("/usr/lib/*/dri/swrast_dri.so")
	need(len(drivers) > 0, "libgl1-mesa-dri")
	need(has("fc-list"), "fontconfig")
	fonts, _ := exec.CommandContext(ctx, "fc-list", font).Output() // Without the program there is no font.
	need(len(fonts) > 0, "fonts-dejavu-core")
	return missing
}
