package nodelet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxLogSize bounds a container's log; a program that writes without end must
// not fill the disk of the one who runs the tests.
const maxLogSize = 16 << 20

// timeLayout is what the API server and kubectl expect in front of a line.
const timeLayout = time.RFC3339Nano

// logFile is the log of one run of a container: lines with the time in front.
type logFile struct {
	mu      sync.Mutex
	file    *os.File
	size    int64
	changed chan struct{} // closed and replaced with each write
	closed  bool
}

func createLog(path string) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	return &logFile{file: f, changed: make(chan struct{})}, nil
}

func (l *logFile) writeLine(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.size > maxLogSize {
		_ = l.file.Truncate(0)
		_, _ = l.file.Seek(0, io.SeekStart)
		l.size = 0
		line = fmt.Appendf(nil, "(earlier lines are gone: the log was larger than %d MiB)\n%s", maxLogSize>>20, line)
	}
	buf := time.Now().UTC().AppendFormat(nil, timeLayout)
	buf = append(append(append(buf, ' '), line...), '\n')
	n, _ := l.file.Write(buf)
	l.size += int64(n)
	close(l.changed)
	l.changed = make(chan struct{})
}

// close says that no line will follow. The content stays readable.
func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		_ = l.file.Close()
		close(l.changed)
	}
}

// state returns how much is written, whether more may come, and a channel that
// closes when this answer is out of date.
func (l *logFile) state() (size int64, open bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size, !l.closed, l.changed
}

// lineWriter makes log lines of a stream. One belongs to stdout, one to stderr.
type lineWriter struct {
	log  *logFile
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.log.writeLine(append(w.rest, p[:i]...))
		w.rest, p = w.rest[:0], p[i+1:]
	}
	w.rest = append(w.rest, p...)
	if len(w.rest) > 64<<10 {
		w.flush()
	}
	return n, nil
}

// flush writes an unfinished last line.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.log.writeLine(w.rest)
		w.rest = w.rest[:0]
	}
}

// logQuery is what kubectl logs can ask for.
type logQuery struct {
	follow     bool
	timestamps bool
	tail       int64 // -1 for all
	since      time.Time
	limit      int64 // bytes; 0 for no limit
}

// copyTo writes the log as the query wants it, and with follow goes on until
// the container ends or ctx does.
func (l *logFile) copyTo(ctx context.Context, w io.Writer, q logQuery, flush func()) error {
	f, err := os.Open(l.file.Name())
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = f.Close() }()
	size, _, _ := l.state()
	pos, err := tailOffset(f, size, q.tail)
	if err != nil {
		return err
	}
	var written int64
	for {
		size, open, changed := l.state()
		if pos > size {
			pos = 0 // it was cut
		}
		lines := bufio.NewReader(io.NewSectionReader(f, pos, size-pos))
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				break
			}
			pos += int64(len(line))
			stamp, text, _ := bytes.Cut(line, []byte(" "))
			if at, err := time.Parse(timeLayout, string(stamp)); err == nil && at.Before(q.since) {
				continue
			}
			if !q.timestamps {
				line = text
			}
			if q.limit > 0 && written+int64(len(line)) > q.limit {
				_, err := w.Write(line[:q.limit-written])
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
			written += int64(len(line))
		}
		flush()
		if !q.follow || !open {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// tailOffset finds where the last n lines begin.
func tailOffset(f *os.File, size, n int64) (int64, error) {
	if n < 0 {
		return 0, nil
	}
	var starts []int64 // of the last n lines
	pos := int64(0)
	lines := bufio.NewReader(io.NewSectionReader(f, 0, size))
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			pos += int64(len(line))
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("read log: %w", err)
		}
		end := pos + int64(len(line))
		starts = append(starts, end)
		pos = end
	}
	if n >= int64(len(starts)) {
		return 0, nil
	}
	return starts[int64(len(starts))-n-1], nil
}
