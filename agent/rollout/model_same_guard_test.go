package rollout

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Fields of the status that sameStatus and the keys of the model may leave out, and why. A field
// that is added to the API has to be added to them or here.
var (
	// unwritten never change alone.
	unwritten = []string{
		"TrackedConfigs", "Measurements", "History", "LastIntent.", "Run.StartTime", "Run.EndTime", "Run.By", "Steps.Hold",
		"Conditions.", "Bound.Target", "Bound.Service", "PrimarySessionAffinityCookie",
	}
	// unkeyed make no difference to what Decide does, apart from words, names and what comes with
	// other fields that are in the key.
	unkeyed = append([]string{
		"Message", "ObservedGeneration", "NextActionTime", "LastTransitionTime", "Iterations", "LastIntent", "Run.ID", "Run.Checks",
		"Steps.FailedChecks", "Steps.StartTime", "Steps.EndTime", "Run.Hooks.Message", "Run.Gates.By",
		"SessionAffinityCookie", "PreviousSessionAffinityCookie", "Conditions",
	}, unwritten...)
)

// TestModelKeepsTheWholeStatus changes each field of a status and expects that a write of it is
// noticed, and that the key of the state is another one: what the key leaves out by mistake merges
// states that differ, and hides what follows from one of them.
func TestModelKeepsTheWholeStatus(t *testing.T) {
	full := func() *v1beta1.CanaryStatus {
		st := &v1beta1.CanaryStatus{Phase: v1beta1.PhasePromoting}
		fill(reflect.ValueOf(st).Elem())
		st.Run.Gates[0].State = v1beta1.GateWaiting // Until it is answered, its age matters.
		return st
	}
	m := newModelRun(modelConfig{canary: steps(50), pods: 1}, budget{}, Decide)
	key := func(st *v1beta1.CanaryStatus) key {
		s := m.fresh()
		s.now, s.status = 3, st
		return (&encoder{}).key(&m.sim, &s)
	}
	if base := full(); !sameStatus(base, full()) || key(base) != key(full()) {
		t.Fatal("two equal statuses are told apart")
	}
	for _, path := range leaves(reflect.TypeFor[v1beta1.CanaryStatus](), "") {
		changed := full()
		change(reflect.ValueOf(changed).Elem(), path)
		if left(unwritten, path) == sameStatus(full(), changed) {
			continue
		}
		if !left(unwritten, path) {
			t.Errorf("sameStatus does not look at %s", path)
		}
	}
	for _, path := range leaves(reflect.TypeFor[v1beta1.CanaryStatus](), "") {
		changed := full()
		change(reflect.ValueOf(changed).Elem(), path)
		if key(full()) == key(changed) && !left(unkeyed, path) {
			t.Errorf("the key of a state does not have %s", path)
		}
	}
}

func left(out []string, path string) bool {
	return slices.ContainsFunc(out, func(o string) bool { return path == o || strings.HasPrefix(path, strings.TrimSuffix(o, ".")+".") })
}

// leaves are the paths of the fields of a type, those in lists included; times and maps are leaves.
func leaves(of reflect.Type, prefix string) (paths []string) {
	for f := range of.Fields() {
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && !isTime(inner) {
			paths = append(paths, leaves(inner, prefix+f.Name+".")...)
			continue
		}
		paths = append(paths, prefix+f.Name)
	}
	return paths
}

func isTime(t reflect.Type) bool {
	return t == reflect.TypeFor[v1beta1.Time]() || t == reflect.TypeFor[v1beta1.MicroTime]()
}

// fill makes all pointers and lists of a status, with one entry each.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		if isTime(v.Type()) {
			v.Set(timeAt(v.Type(), 1))
			return
		}
		for _, field := range v.Fields() {
			fill(field)
		}
	default:
	}
}

func timeAt(t reflect.Type, second int32) reflect.Value {
	if t == reflect.TypeFor[v1beta1.Time]() {
		return reflect.ValueOf(v1beta1.NewTime(at(second)))
	}
	return reflect.ValueOf(v1beta1.NewMicroTime(at(second)))
}

// change gives the field at a path another value, of the kinds that the key can tell apart.
func change(v reflect.Value, path string) {
	for name := range strings.SplitSeq(path, ".") {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice {
			if v.Kind() == reflect.Slice {
				v = v.Index(0)
				continue
			}
			v = v.Elem()
		}
		v = v.FieldByName(name)
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case isTime(v.Type()):
		v.Set(timeAt(v.Type(), 2))
	case v.Kind() == reflect.String:
		v.SetString(map[string]string{"Revision": "rs:r2", "Provider": simOtherProvider}[path[strings.LastIndexByte(path, '.')+1:]])
		if v.String() == "" {
			v.SetString("rs:r2")
		}
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"configmap/x": "1"}))
	default:
		panic(fmt.Sprintf("no other value for %s of %s", path, v.Type()))
	}
}
