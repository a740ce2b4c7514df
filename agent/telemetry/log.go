package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
)

// ParseLevel reads a level: debug, info, warn or warning, error; fatal and panic, which other
// controllers know, mean error.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error", "fatal", "panic":
		return slog.LevelError, nil
	}
	return slog.LevelInfo, fmt.Errorf("log level %q is unknown: use debug, info, warn or error", name)
}

// NewLogger writes one JSON object a line, with the keys level (lower case), ts, caller and msg.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		AddSource:   true,
		Level:       level,
		ReplaceAttr: rename,
	}))
}

func rename(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch attr.Key {
	case slog.TimeKey:
		if attr.Value.Kind() == slog.KindTime {
			return slog.String("ts", attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
		}
	case slog.LevelKey:
		return slog.String(slog.LevelKey, strings.ToLower(attr.Value.String()))
	case slog.SourceKey:
		source, ok := attr.Value.Any().(*slog.Source)
		if !ok || source == nil || source.File == "" {
			return slog.Attr{}
		}
		dir, file := filepath.Split(source.File)
		return slog.String("caller", fmt.Sprintf("%s/%s:%d", filepath.Base(dir), file, source.Line))
	}
	return attr
}
