package nodelet

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestFindProgram(t *testing.T) {
	programs := map[string]Program{
		"tkubica/web:python-1": {Path: "one"}, "tkubica/web:*": {Path: "any"},
		"reg.example:5000/a/b:*": {Path: "port"}, "busybox": {Path: "sh"},
	}
	for ref, want := range map[string]string{
		"tkubica/web:python-1": "one", "docker.io/tkubica/web:python-1": "one", "tkubica/web:python-2": "any",
		"tkubica/web": "any", "tkubica/web@sha256:abc": "any", "reg.example:5000/a/b:x": "port", "reg.example:5000/a/b": "port",
		"busybox:latest": "sh", "docker.io/library/busybox": "sh", "busybox:1": "", "tkubica/webb:1": "", "": "",
	} {
		p, err := findProgram(programs, ref)
		if p.Path != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", ref, p.Path, err, want)
		}
	}
	if i := parseImage("a:5000/b:t@sha256:x"); i.tag != "t" || i.repository != "a:5000/b" || i.String() != "a:5000/b:t@sha256:x" {
		t.Errorf("%+v", i)
	}
}

func TestCommand(t *testing.T) {
	p := Program{Path: "/bin/app", Args: []string{"--listen=$(POD_IP)"}, Commands: map[string]string{"podcli": "/bin/cli"}}
	env := map[string]string{"POD_IP": "1.2.3.4"}
	for _, c := range []struct {
		command, args []string
		path, want    string
	}{
		{nil, nil, "/bin/app", "/bin/app --listen=1.2.3.4"},
		{nil, []string{"-v", "$(X)"}, "/bin/app", "/bin/app --listen=1.2.3.4 -v $(X)"},
		{[]string{"./app", "--port=1"}, []string{"x"}, "/bin/app", "/bin/app --listen=1.2.3.4 --port=1 x"},
		{[]string{"/usr/bin/podcli", "check"}, nil, "/bin/cli", "/usr/bin/podcli check"},
	} {
		path, argv := p.command(c.command, c.args, env)
		if path != c.path || strings.Join(argv, " ") != c.want {
			t.Errorf("%v %v: %s %v", c.command, c.args, path, argv)
		}
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "1", "EMPTY": ""}
	for in, want := range map[string]string{
		"$(A)": "1", "x$(A)y$(A)": "x1y1", "$$(A)": "$(A)", "$(B)": "$(B)", "$(EMPTY)": "", "$": "$", "$(": "$(", "$A": "$A", "a$$": "a$", "$$$(A)": "$1",
	} {
		if got := expand(in, env); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestAddressesAreUniqueAndGoRound(t *testing.T) {
	p := newAddressPool(netip.MustParsePrefix("10.244.0.0/27")) // 32 - 10 reserved - broadcast
	seen := map[netip.Addr]bool{}
	var first netip.Addr
	for i := range 21 {
		a, err := p.take("")
		if err != nil || seen[a] {
			t.Fatalf("address %d: %v, %v", i, a, err)
		}
		if i == 0 {
			first = a
		}
		seen[a] = true
	}
	if _, err := p.take(""); err == nil || !strings.Contains(err.Error(), "larger PodCIDR") {
		t.Errorf("a full pool: %v", err)
	}
	p.release(first)
	if a, err := p.take(""); a != first || err != nil {
		t.Errorf("the only free address: %v, %v", a, err)
	}
	q := newAddressPool(netip.MustParsePrefix("10.244.0.0/17"))
	if a, _ := q.take("10.244.3.4"); a.String() != "10.244.3.4" {
		t.Errorf("a wanted address: %v", a)
	}
	a, _ := q.take("10.244.3.4")
	q.release(a)
	if b, _ := q.take("192.0.2.1"); b == a || !q.prefix.Contains(b) {
		t.Errorf("after %v was released, %v was given out", a, b)
	}
}

type fakeGetter struct{}

func (fakeGetter) configMap(_ context.Context, ns, name string) (*v1.ConfigMap, error) {
	if name != "cm" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
	}
	return &v1.ConfigMap{Data: map[string]string{"k": "v"}}, nil
}

func (fakeGetter) secret(_ context.Context, ns, name string) (*v1.Secret, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func TestEnvironment(t *testing.T) {
	yes := true
	key := func(name, key string, optional *bool) *v1.EnvVarSource {
		return &v1.EnvVarSource{ConfigMapKeyRef: &v1.ConfigMapKeySelector{LocalObjectReference: v1.LocalObjectReference{Name: name}, Key: key, Optional: optional}}
	}
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", Annotations: map[string]string{"b": "2", "a": "1"}}}
	c := &v1.Container{
		Resources: v1.ResourceRequirements{Limits: v1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi")}},
		Env: []v1.EnvVar{
			{Name: "CM", ValueFrom: key("cm", "k", nil)},
			{Name: "ABSENT", ValueFrom: key("cm", "no", &yes)},
			{Name: "ABSENT2", ValueFrom: key("no", "k", &yes)},
			{Name: "ANN", ValueFrom: &v1.EnvVarSource{FieldRef: &v1.ObjectFieldSelector{FieldPath: "metadata.annotations"}}},
			{Name: "CPU", ValueFrom: &v1.EnvVarSource{ResourceFieldRef: &v1.ResourceFieldSelector{Resource: "limits.cpu"}}},
			{Name: "MEM", ValueFrom: &v1.EnvVarSource{ResourceFieldRef: &v1.ResourceFieldSelector{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}},
			{Name: "PROGRAM", Value: "mine"},
		},
	}
	got, err := environment(t.Context(), fakeGetter{}, pod, c, map[string]string{"POD_IP": "1.2.3.4"}, map[string]string{"PROGRAM": "its", "P2": "at $(POD_IP)"})
	want := map[string]string{"POD_IP": "1.2.3.4", "CM": "v", "ANN": "a=\"1\"\nb=\"2\"", "CPU": "2", "MEM": "1024", "PROGRAM": "mine", "P2": "at 1.2.3.4"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	c.Env = []v1.EnvVar{{Name: "X", ValueFrom: key("cm", "no", nil)}}
	if _, err := environment(t.Context(), fakeGetter{}, pod, c, nil, nil); err == nil || err.Error() != "variable X: couldn't find key no in ConfigMap ns/cm" {
		t.Errorf("a missing key: %v", err)
	}
}

func TestLogQueries(t *testing.T) {
	l, err := createLog(filepath.Join(t.TempDir(), "x", "a.log"))
	if err != nil {
		t.Fatal(err)
	}
	w := &lineWriter{log: l}
	for i := range 5 {
		_, _ = fmt.Fprintf(w, "line %d", i)
		_, _ = w.Write([]byte("\n"))
	}
	_, _ = w.Write([]byte("rest"))
	w.flush()
	read := func(q logQuery) string {
		var b bytes.Buffer
		if err := l.copyTo(t.Context(), &b, q, func() {}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := read(logQuery{tail: -1}); got != "line 0\nline 1\nline 2\nline 3\nline 4\nrest\n" {
		t.Errorf("all: %q", got)
	}
	for n, want := range map[int64]string{0: "", 1: "rest\n", 2: "line 4\nrest\n", 99: "line 0\nline 1\nline 2\nline 3\nline 4\nrest\n"} {
		if got := read(logQuery{tail: n}); got != want {
			t.Errorf("tail %d: %q", n, got)
		}
	}
	if got := read(logQuery{tail: -1, limit: 8}); got != "line 0\nl" {
		t.Errorf("limit: %q", got)
	}
	if got := read(logQuery{tail: -1, since: time.Now().Add(time.Minute)}); got != "" {
		t.Errorf("since: %q", got)
	}
	followed := make(chan string)
	go func() { followed <- read(logQuery{tail: 0, follow: true}) }()
	l.writeLine([]byte("later"))
	l.close()
	if got := <-followed; got != "later\n" && got != "" { // "" if it began after the write
		t.Errorf("followed: %q", got)
	}
}

func TestLogIsBounded(t *testing.T) {
	l, err := createLog(filepath.Join(t.TempDir(), "a.log"))
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range 40 {
		l.writeLine(line)
	}
	if size, _, _ := l.state(); size > maxLogSize+2<<20 {
		t.Errorf("log has %d bytes", size)
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for _, c := range []Config{{}, {NodeName: "n"}} {
		if err := New(c).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Config.Client") {
			t.Errorf("error %v", err)
		}
	}
}

func TestVolumeFilesStayInside(t *testing.T) {
	dir := t.TempDir()
	if err := writeFiles(dir, map[string][]byte{"../out": nil}); err == nil {
		t.Error("a file was written outside of the volume")
	}
	if _, err := pick(map[string][]byte{"a": nil}, []v1.KeyToPath{{Key: "b", Path: "b"}}, false, "Secret ns/s"); err == nil || !strings.Contains(err.Error(), `Secret ns/s has no key "b"`) {
		t.Errorf("a missing key: %v", err)
	}
}
