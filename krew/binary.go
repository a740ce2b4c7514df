package krew

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"os"
)

// checkPlatform finds a program in the archive of another platform, which no checksum would show.
func checkPlatform(program string, pair Pair) error {
	have, err := platformOf(program, pair.OS)
	if err != nil {
		return fmt.Errorf("bin is no program for %s: %w", pair, err)
	}
	if have != pair.Arch {
		return fmt.Errorf("bin is a program for %s/%s, want %s", pair.OS, have, pair)
	}
	return nil
}

// platformOf reads the architecture of a program, in Go's words, from its header.
func platformOf(program, goos string) (string, error) {
	r, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer r.Close()
	switch goos {
	case "windows":
		f, err := pe.NewFile(r)
		if err != nil {
			return "", err
		}
		return nameOf(f.Machine, map[uint16]string{
			pe.IMAGE_FILE_MACHINE_I386: "386", pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64",
		}), nil
	case "darwin":
		f, err := macho.NewFile(r)
		if err != nil {
			return "", err
		}
		return nameOf(f.Cpu, map[macho.Cpu]string{
			macho.Cpu386: "386", macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64",
		}), nil
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return "", err
	}
	return nameOf(f.Machine, map[elf.Machine]string{
		elf.EM_386: "386", elf.EM_X86_64: "amd64", elf.EM_ARM: "arm", elf.EM_AARCH64: "arm64", elf.EM_PPC64: "ppc64le",
	}), nil
}

func nameOf[K comparable](key K, names map[K]string) string {
	if n, ok := names[key]; ok {
		return n
	}
	return fmt.Sprint(key)
}
