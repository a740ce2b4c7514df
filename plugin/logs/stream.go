package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// opener opens logs. A plain REST client does; the typed one would link every kind of the API.
type opener struct{ client *rest.RESTClient }

func newOpener(config *rest.Config) (*opener, error) {
	scheme := runtime.NewScheme()
	version := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, version) // Status, for errors
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/api", &version
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, err
	}
	return &opener{client}, nil
}

// span says which part of a log is asked for.
type span struct {
	follow bool
	// tail is the number of last lines; negative for all.
	tail int64
	// since is an age; zero for all.
	since time.Duration
	// after is a time, to the second; zero for all.
	after time.Time
}

func (o *opener) stream(ctx context.Context, c container, s span) (io.ReadCloser, error) {
	request := o.client.Get().Namespace(c.namespace).Resource("pods").Name(c.pod).SubResource("log").
		Param("container", c.name).Param("timestamps", "true")
	if s.follow {
		request.Param("follow", "true")
	}
	if s.tail >= 0 {
		request.Param("tailLines", strconv.FormatInt(s.tail, 10))
	}
	switch {
	case !s.after.IsZero():
		request.Param("sinceTime", s.after.UTC().Format(time.RFC3339))
	case s.since > 0:
		request.Param("sinceSeconds", strconv.FormatInt(int64((s.since+time.Second-1)/time.Second), 10))
	}
	return request.Stream(ctx)
}

// longestLine bounds what is kept of a line, in bytes.
const longestLine = 64 << 10

// line of a log.
type line struct {
	time time.Time
	text string
}

// lines reads a log line by line.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, 4<<10)} }

// next is io.EOF at the end. Of a line that is too long the end is left out.
func (l *lines) next() (line, error) {
	var b []byte
	cut := false
	for {
		part, err := l.r.ReadSlice('\n')
		if room := longestLine - len(b); len(part) > room {
			part, cut = part[:room], true
		}
		b = append(b, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (len(b) == 0 || !errors.Is(err, io.EOF)) {
			return line{}, err
		}
		break
	}
	text := strings.TrimRight(string(b), "\r\n")
	if cut {
		text += "…"
	}
	stamp, rest, _ := strings.Cut(text, " ")
	if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
		return line{at, rest}, nil
	}
	return line{text: text}, nil // the runtime has not stamped it
}
