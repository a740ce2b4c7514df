package feed

import (
	"context"
	"reflect"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// model turns messages of the sources into updates.
type model struct {
	options  Options
	out      chan<- Update
	messages chan message
	sources  sync.WaitGroup

	queue  queue
	known  map[string]entry
	detail *detail
	epochs int
	synced bool
	// brokenSince is when the connection was lost; zero while it works.
	brokenSince time.Time
}

// entry is a canary and the view that was last reported of it.
type entry struct {
	canary  *v1beta1.Canary
	problem string
	view    view.Canary
}

func newModel(options Options, out chan<- Update) *model {
	return &model{
		options: options, out: out, messages: make(chan message), known: map[string]entry{},
	}
}

// run is the only goroutine that touches the model. Taking a message and handing out an update
// never wait for each other.
func (m *model) run(ctx context.Context, canaries *source, first []unstructured.Unstructured) {
	ctx, cancel := context.WithCancel(ctx)
	defer m.sources.Wait()
	defer cancel()
	m.replace(ctx, first)
	if canaries.next == "" {
		m.sync()
	}
	m.start(ctx, canaries)
	for {
		var out chan<- Update
		next := m.queue.head()
		if next != nil {
			out = m.out
		}
		select {
		case <-ctx.Done():
			return
		case msg := <-m.messages:
			m.handle(ctx, msg)
		case out <- next:
			m.queue.pop()
		}
	}
}

// start runs a source; its messages carry its kind and epoch.
func (m *model) start(ctx context.Context, s *source) {
	m.sources.Go(func() {
		s.run(ctx, func(msg message) bool {
			msg.kind, msg.epoch = s.kind, s.epoch
			select {
			case m.messages <- msg:
				return true
			case <-ctx.Done():
				return false
			}
		})
	})
}

func (m *model) handle(ctx context.Context, msg message) {
	if msg.kind != kindCanary {
		m.handleDetail(msg)
		return
	}
	if msg.op == opBroken {
		if m.brokenSince.IsZero() {
			m.brokenSince = time.Now()
		}
		m.queue.push(Stale{Since: m.brokenSince, Err: msg.err})
		return
	}
	switch msg.op {
	case opAlive:
		m.queue.push(Alive{})
	case opPage:
		for i := range msg.items {
			m.observe(ctx, &msg.items[i])
		}
	case opListed:
		m.sync()
	case opReplace:
		m.replace(ctx, msg.items)
		m.sync()
	case opDelete:
		m.forget(msg.object.GetNamespace(), msg.object.GetName())
	case opPut:
		m.observe(ctx, msg.object)
	case opBroken, opDenied, opFresh: // nothing about an object
	}
	if !m.brokenSince.IsZero() {
		m.brokenSince = time.Time{}
		m.queue.push(Fresh{})
	}
}

func (m *model) handleDetail(msg message) {
	d := m.detail
	if d == nil || msg.epoch != d.epoch || !d.handle(msg) {
		return
	}
	if msg.kind == kindTarget || msg.kind == kindPrimary {
		if s := d.podSource(msg); s != nil && !d.following[s.kind] {
			d.following[s.kind] = true
			d.follow(s)
		}
	}
	if d.unknownTemplate(msg) {
		for _, e := range m.known { // with details, the one
			d.read(e.canary)
		}
	}
	m.rebuild()
}

// sync says, once, that everything that existed at the start has been reported.
func (m *model) sync() {
	if !m.synced {
		m.synced = true
		m.queue.push(Synced{})
	}
}

// replace takes a complete list: what is not in it has been deleted.
func (m *model) replace(ctx context.Context, items []unstructured.Unstructured) {
	have := map[string]bool{}
	for i := range items {
		have[items[i].GetNamespace()+"/"+items[i].GetName()] = true
		m.observe(ctx, &items[i])
	}
	for key, e := range m.known {
		if !have[key] {
			m.forget(e.canary.Namespace, e.canary.Name)
		}
	}
}

func (m *model) observe(ctx context.Context, object *unstructured.Unstructured) {
	canary, problem := view.Decode(object.Object)
	key := canary.Namespace + "/" + canary.Name
	old, reported := m.known[key]
	if m.options.Detail {
		m.detail = m.detailFor(ctx, canary)
	}
	e := entry{canary: canary, problem: problem}
	e.view = m.build(e)
	if !m.options.Detail { // Of many only the name is needed again.
		e.canary = &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: canary.Namespace, Name: canary.Name}}
	}
	m.known[key] = e
	if !reported || !reflect.DeepEqual(old.view, e.view) {
		m.queue.push(Canary{View: e.view})
	}
}

func (m *model) forget(namespace, name string) {
	if _, known := m.known[namespace+"/"+name]; !known {
		return
	}
	delete(m.known, namespace+"/"+name)
	if m.detail != nil {
		m.detail.stop()
		m.detail = nil
	}
	m.queue.push(Gone{Namespace: namespace, Name: name})
}

// rebuild reports the canary anew when its events or pods changed what is shown.
func (m *model) rebuild() {
	for key, e := range m.known {
		old := e.view
		e.view = m.build(e)
		m.known[key] = e
		if !reflect.DeepEqual(old, e.view) {
			m.queue.push(Canary{View: e.view})
		}
	}
}

func (m *model) build(e entry) view.Canary {
	extra := view.Extra{Problem: e.problem}
	if m.detail != nil {
		m.detail.fill(&extra)
	}
	return view.Build(e.canary, extra)
}
