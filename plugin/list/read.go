package list

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// views reads the canaries for the table. Through the dynamic client each object would be decoded
// four times, and three quarters of it are parts that no column shows; of some hundred canaries that
// takes longer than everything else together. So the answer is cut into objects as it arrives, and
// the objects are decoded beside that.
func (o *Options) views(ctx context.Context) ([]view.Canary, error) {
	client, err := o.Cluster.REST()
	if err != nil {
		return nil, err
	}
	var decoding sync.WaitGroup
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var views []*view.Canary
	add := func(raw json.RawMessage) {
		v := new(view.Canary)
		views = append(views, v)
		places <- struct{}{}
		decoding.Go(func() {
			*v = decode(raw)
			<-places
		})
	}
	next := ""
	for again := true; again; again = next != "" {
		if next, err = o.page(ctx, client, next, add); err != nil {
			break
		}
	}
	decoding.Wait()
	if err != nil {
		return nil, o.Cluster.Explain(err, "list canaries"+o.where())
	}
	out := make([]view.Canary, 0, len(views))
	for _, v := range views {
		out = append(out, *v)
	}
	return out, nil
}

// page reads one chunk of the list, and returns where the next one begins.
func (o *Options) page(ctx context.Context, client rest.Interface, from string, add func(json.RawMessage)) (next string, err error) {
	r := v1beta1.CanaryResource
	path := []string{"/apis", r.Group, r.Version}
	if o.Namespace != "" {
		path = append(path, "namespaces", o.Namespace)
	}
	request := client.Get().AbsPath(append(path, r.Resource)...)
	for name, value := range map[string]string{
		"labelSelector": o.Selector, "fieldSelector": o.FieldSelector, "continue": from,
	} {
		if value != "" {
			request.Param(name, value)
		}
	}
	if o.ChunkSize > 0 {
		request.Param("limit", strconv.FormatInt(o.ChunkSize, 10))
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	return decodeList(body, add)
}

// decodeList calls add for each item as it arrives, and returns the continue token.
func decodeList(body io.Reader, add func(json.RawMessage)) (next string, err error) {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return "", err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return "", err
		}
		switch key {
		case "items":
			decoder, err = decodeItems(decoder, body, add)
		case "metadata":
			meta := metav1.ListMeta{}
			err = decoder.Decode(&meta)
			next = meta.Continue
		default:
			err = decoder.Decode(&skipped{})
		}
		if err != nil {
			return "", err
		}
	}
	return next, expect(decoder, json.Delim('}'))
}

// decodeItems cuts the items out, and returns a decoder for what follows them. Body is what decoder
// reads from.
func decodeItems(decoder *json.Decoder, body io.Reader, add func(json.RawMessage)) (rest *json.Decoder, err error) {
	if err := expect(decoder, json.Delim('[')); err != nil {
		return nil, err
	}
	items := splitter{bufio.NewReaderSize(io.MultiReader(decoder.Buffered(), body), splitBuffer)}
	for {
		item, err := items.next()
		if err != nil {
			return nil, err
		}
		if item == nil {
			break
		}
		add(item)
	}
	// What follows is the second half of an object, which a decoder takes only as a whole.
	rest = json.NewDecoder(io.MultiReader(strings.NewReader(`{"":0`), items.r))
	for range 3 { // {, the name that is empty, 0
		if _, err := rest.Token(); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func expect(decoder *json.Decoder, want json.Token) error {
	have, err := decoder.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && have != want {
		err = fmt.Errorf("the answer is not a list: %v in place of %v", have, want)
	}
	return err
}

// decode reads a canary as far as it can be read. What does not fit the types is read as every other
// command reads it, part by part.
func decode(raw json.RawMessage) view.Canary {
	lean := lean{}
	if kjson.Unmarshal(raw, &lean) == nil {
		return view.Build(lean.canary(), view.Extra{})
	}
	object := map[string]any{}
	if err := kjson.Unmarshal(raw, &object); err != nil {
		return view.Build(nil, view.Extra{Problem: "cannot read the object: " + err.Error()})
	}
	c, problem := view.Decode(object)
	return view.Build(c, view.Extra{Problem: problem})
}

// lean is a Canary without the large parts that no column shows.
type lean struct {
	v1beta1.Canary

	Metadata struct {
		metav1.ObjectMeta

		ManagedFields skipped `json:"managedFields"`
	} `json:"metadata"`
	Status struct {
		v1beta1.CanaryStatus

		Measurements skipped `json:"measurements"`
		History      skipped `json:"history"`
	} `json:"status"`
}

func (l *lean) canary() *v1beta1.Canary {
	l.ObjectMeta, l.Canary.Status = l.Metadata.ObjectMeta, l.Status.CanaryStatus
	return &l.Canary
}

// skipped takes any value and keeps nothing.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*skipped) UnmarshalJSON([]byte) error { return nil }
