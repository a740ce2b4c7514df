package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Any is the revision that takes the status as it is.
const Any = "any"

// Options of a wait.
type Options struct {
	cli.Deps
	// Selection of the canaries.
	Selection cli.Selection
	// Goal for each of them.
	Goal Goal
	// Revision that is waited for: empty for the one that the target has now, Any, or a revision
	// with or without prefix and fingerprint.
	Revision string
	// Timeout of all; 0 for none.
	Timeout time.Duration
	// Changed is called with a line about a canary whenever there is a new one. Nil for none.
	Changed func(line string) error
	// Concluded is called with each result at once. Nil for none.
	Concluded func(Result) error
}

// Run waits until every canary has reached the goal, or cannot any more, or time has run out; the
// results say which. The error is for what concerns all of them, such as a list that is forbidden.
func Run(ctx context.Context, o Options) ([]Result, error) {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithCancel(ctx)
	if o.Timeout > 0 {
		cancel()
		waiting, cancel = context.WithTimeout(ctx, o.Timeout)
	}
	defer cancel()
	w := &waiter{
		Options: o, client: client, all: map[string]*one{}, start: time.Now(),
		answers: make(chan answer), slots: make(chan struct{}, reads),
	}
	for _, name := range o.Selection.Names {
		w.all[o.Selection.Namespace+"/"+name] = &one{}
	}
	err = w.run(ctx, waiting)
	cancel()
	for range w.readers { // until all goroutines have handed in their answer
		<-w.answers
	}
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(w.all))
	for _, one := range w.all {
		results = append(results, *one.result)
	}
	inOrder(results, o.Selection.Names)
	return results, nil
}

type waiter struct {
	Options
	client  dynamic.Interface
	all     map[string]*one
	start   time.Time
	answers chan answer
	// readers counts the goroutines that will send an answer.
	readers int
	slots   chan struct{}
	synced  bool
	// broken is when the connection was lost that has been spoken of.
	broken time.Time
}

func (w *waiter) run(ctx, waiting context.Context) error {
	options := feed.Options{Client: w.client, Namespace: w.Selection.Namespace, Selector: w.Selection.Selector}
	if w.Selection.Single() {
		options.Name = w.Selection.Names[0]
	}
	updates, err := feed.Start(waiting, options)
	if err != nil {
		if outOfTime(ctx, waiting) {
			return w.timeout()
		}
		return w.explain(ctx, err)
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for !w.done() {
		select {
		case update, open := <-updates:
			if !open {
				if outOfTime(ctx, waiting) {
					return w.timeout()
				}
				return ctx.Err()
			}
			err = w.update(waiting, update)
		case a := <-w.answers:
			err = w.answer(waiting, a)
		case <-again.C:
			w.compare(waiting)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outOfTime tells the timeout from an interruption.
func outOfTime(ctx, waiting context.Context) bool {
	return ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded)
}

func (w *waiter) done() bool {
	if !w.synced {
		return false
	}
	for _, o := range w.all {
		if o.result == nil {
			return false
		}
	}
	return true
}

func (w *waiter) explain(ctx context.Context, err error) error {
	s := w.Selection
	if s.Single() {
		return w.Explain(ctx, err, "watch", s.Namespace, s.Names[0])
	}
	where := fmt.Sprintf("in namespace %q", s.Namespace)
	if s.AllNamespaces {
		where = "in all namespaces"
	}
	return w.Cluster.Explain(err, "watch canaries "+where)
}

func (w *waiter) update(ctx context.Context, update feed.Update) error {
	switch u := update.(type) {
	case feed.Canary:
		return w.observe(ctx, u.View)
	case feed.Synced:
		w.synced = true
		return w.missing(ctx)
	case feed.Gone:
		return w.gone(ctx, u)
	case feed.Stale:
		if u.Since.Equal(w.broken) {
			return nil
		}
		w.broken = u.Since
		_, err := fmt.Fprintf(w.Streams.ErrOut, "connection lost at %s, trying again: %s\n",
			u.Since.Format(time.TimeOnly), view.Clean(u.Err.Error()))
		return err
	case feed.Fresh:
		if w.broken.IsZero() {
			return nil
		}
		w.broken = time.Time{}
		_, err := fmt.Fprintln(w.Streams.ErrOut, "connected again")
		return err
	}
	return nil
}

func (w *waiter) observe(ctx context.Context, v view.Canary) error {
	o, ok := w.all[v.Key()]
	if !ok {
		if len(w.Selection.Names) > 0 || w.synced {
			return nil // Not asked for, or made after the wait began.
		}
		o = &one{}
		w.all[v.Key()] = o
	}
	if o.result != nil {
		return nil
	}
	if o.old == nil && o.view.Name == "" {
		o.begin(v, w.Revision)
	}
	o.view = v
	line := Line(v.Cleaned())
	if w.Selection.AllNamespaces {
		line = view.Clean(v.Namespace) + "/" + line
	}
	if line != o.printed && w.Changed != nil {
		if err := w.Changed(line); err != nil {
			return err
		}
	}
	o.printed = line
	if o.stale() && !w.Goal.Deletion() {
		w.read(ctx, o)
	}
	return w.conclude(o)
}

func (w *waiter) conclude(o *one) error {
	v, why := o.judge(w.Goal)
	switch v {
	case met:
		return w.result(o, Met, nil)
	case impossible:
		return w.result(o, Impossible, cli.Failed("%s", view.Clean(why.Error())))
	case pending:
	}
	return nil
}

func (w *waiter) result(o *one, state State, err error) error {
	o.result = &Result{
		Namespace: o.view.Namespace, Name: o.view.Name, Revision: o.revision,
		State: state, Err: err, View: o.view, Waited: time.Since(w.start),
	}
	if w.Concluded == nil {
		return nil
	}
	return w.Concluded(*o.result)
}

// missing deals with the names that do not exist, once all that exists has been reported.
func (w *waiter) missing(ctx context.Context) error {
	if len(w.all) == 0 {
		found := w.Selection
		_, err := found.Find(ctx, w.Deps) // says what was looked for, and where
		if err == nil {
			err = errors.New("the canaries that were chosen are gone")
		}
		return err
	}
	for _, name := range w.Selection.Names {
		o := w.all[w.Selection.Namespace+"/"+name]
		if o.view.Name != "" {
			continue
		}
		o.view.Namespace, o.view.Name = w.Selection.Namespace, name
		state, problem := Met, error(nil)
		if !w.Goal.Deletion() {
			state, problem = NotFound, cli.NotFound(ctx, w.Cluster, w.Selection.Namespace, name)
		}
		if err := w.result(o, state, problem); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiter) gone(ctx context.Context, u feed.Gone) error {
	o, ok := w.all[u.Namespace+"/"+u.Name]
	if !ok || o.result != nil {
		return nil
	}
	if w.Selection.Selector != "" {
		if left := w.left(ctx, u); left != nil {
			return w.result(o, Deleted, left)
		}
	}
	if w.Goal.Deletion() {
		return w.result(o, Met, nil)
	}
	return w.result(o, Deleted, fmt.Errorf("canary %q was deleted", u.Name))
}

// left tells a canary that was deleted from one that has other labels now; nil for the former.
func (w *waiter) left(ctx context.Context, u feed.Gone) error {
	_, err := w.client.Resource(v1beta1.CanaryResource).Namespace(u.Namespace).Get(ctx, u.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return w.Cluster.Explain(err, fmt.Sprintf("find out what became of canary %q", u.Name))
	}
	return fmt.Errorf("canary %q no longer has the labels %q", u.Name, w.Selection.Selector)
}

// timeout ends the wait for all that are left.
func (w *waiter) timeout() error {
	if len(w.all) == 0 {
		return cli.TimedOut("the canaries could not be listed within %s", w.Timeout)
	}
	var keys []string
	for key, o := range w.all {
		if o.result == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		o := w.all[key]
		name := o.view.Name
		if name == "" {
			name = key[len(w.Selection.Namespace)+1:]
		}
		late := o.late(name, w.Goal, w.Timeout)
		o.view.Name, o.view.Namespace = name, cmp.Or(o.view.Namespace, w.Selection.Namespace)
		if err := w.result(o, TimedOut, late); err != nil {
			return err
		}
	}
	return nil
}
