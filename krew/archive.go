package krew

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// File of an archive.
type File struct {
	// Name is relative and has slashes.
	Name string
	// Mode are the permission bits.
	Mode fs.FileMode
	Data []byte
}

// Pack makes an archive: .zip for windows, .tar.gz for all others. The same files and the same time make
// the same bytes: entries are sorted, belong to user 0, and all have the time at.
func Pack(goos string, files []File, at time.Time) ([]byte, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	pack := packTar
	if goos == "windows" {
		pack = packZip
	}
	if err := pack(&b, files, at.UTC().Truncate(time.Second)); err != nil {
		return nil, fmt.Errorf("make an archive for %s: %w", goos, err)
	}
	return b.Bytes(), nil
}

// Extension of the archives of an operating system.
func Extension(goos string) string {
	if goos == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

func packTar(w io.Writer, files []File, at time.Time) error {
	// The header of gzip stays empty: it has room for a name and a time.
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, f := range files {
		err := tw.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
			Name: f.Name, Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), ModTime: at,
		})
		if err != nil {
			return err
		}
		if _, err := tw.Write(f.Data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return zw.Close()
}

func packZip(w io.Writer, files []File, at time.Time) error {
	zw := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: at}
		header.SetMode(f.Mode.Perm())
		entry, err := zw.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.Data); err != nil {
			return err
		}
	}
	return zw.Close()
}
