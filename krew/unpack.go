package krew

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// errPath is an entry that wants to be outside of the folder that the archive is unpacked in.
var errPath = errors.New("leads out of the archive")

// unpack reads an archive; its first bytes, not its name, tell what it is.
func unpack(data []byte) ([]File, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\x1f\x8b\x08")):
		return untar(data)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return unzip(data)
	}
	return nil, errors.New("it is neither a .tar.gz nor a .zip archive")
}

// checkPath refuses what krew refuses: names with .. anywhere in them, and absolute ones.
func checkPath(name string) error {
	if strings.Contains(name, "..") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, `\`) {
		return fmt.Errorf("entry %q %w", name, errPath)
	}
	return nil
}

func untar(data []byte) ([]File, error) {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var files []File
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if err := checkPath(header.Name); err != nil {
			return nil, err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			continue
		case tar.TypeReg:
		default:
			return nil, fmt.Errorf("entry %q is neither a file nor a folder, which krew cannot unpack", header.Name)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", header.Name, err)
		}
		files = append(files, File{Name: header.Name, Mode: fs.FileMode(header.Mode).Perm(), Data: content}) //nolint:gosec // Perm keeps the low nine bits.
	}
}

func unzip(data []byte) ([]File, error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var files []File
	for _, entry := range zr.File {
		if err := checkPath(entry.Name); err != nil {
			return nil, err
		}
		if entry.FileInfo().IsDir() {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", entry.Name, err)
		}
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", entry.Name, err)
		}
		files = append(files, File{Name: entry.Name, Mode: entry.Mode().Perm(), Data: content})
	}
	return files, nil
}
