//go:build linux

package script

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: web
        image: %[2]s
        ports: [{name: http, containerPort: 80}]
        env: [{name: PORT, value: "80"}]
        readinessProbe: {httpGet: {path: /readyz, port: 80}, periodSeconds: 1}
`

const canary = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %[1]s}
spec:
  provider: gatewayapi:v1
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  progressDeadlineSeconds: 60
  service:
    port: 80
    gatewayRefs: [{name: gateway, namespace: testbed}]
    hosts: [%[2]s]
  analysis:
    interval: 1s
    threshold: 3
    stepWeights: [20, 40, 60]
`

func (r *run) host(name string) string { return name + "." + r.namespace + ".example.com" }

// flags reads the arguments of a command; -name is known to all of them.
func flags(ts *testscript.TestScript, command string, args []string, more func(*flag.FlagSet)) (name string, rest []string) {
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&name, "name", "app", "")
	if more != nil {
		more(f)
	}
	if err := f.Parse(args); err != nil {
		ts.Fatalf("%s: %v", command, err)
	}
	return name, f.Args()
}

// cmdApp makes an application with its canary and waits until it is initialized.
func cmdApp(ts *testscript.TestScript, neg bool, args []string) {
	var version, labels string
	var noWait bool
	name, rest := flags(ts, "app", args, func(f *flag.FlagSet) {
		f.StringVar(&version, "version", "1", "")
		f.StringVar(&labels, "labels", "", "")
		f.BoolVar(&noWait, "nowait", false, "")
	})
	if neg || len(rest) > 1 {
		ts.Fatalf("usage: app [-name NAME] [-version V] [-labels k=v,…] [-nowait] [PATCH.yaml]")
	}
	r := of(ts)
	object := map[string]any{}
	ts.Check(yaml.Unmarshal(fmt.Appendf(nil, canary, name, r.host(name)), &object))
	if len(rest) == 1 {
		patch := map[string]any{}
		ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(rest[0])), &patch))
		object["spec"] = merge(object["spec"], patch)
	}
	u := &unstructured.Unstructured{Object: object}
	if labels != "" {
		set := map[string]string{}
		for pair := range strings.SplitSeq(labels, ",") {
			k, v, _ := strings.Cut(pair, "=")
			set[k] = v
		}
		u.SetLabels(set)
	}
	text, err := yaml.Marshal(u.Object)
	ts.Check(err)
	ts.Check(r.cluster.Apply(r.ctx, r.namespace, fmt.Appendf(nil, deployment, name, stage.Image(version))))
	// A Deployment that the controllers have seen, the agent knows as well.
	r.target(ts, name, func(d *appsv1.Deployment) bool { return d.Status.ObservedGeneration >= d.Generation })
	ts.Check(r.cluster.Apply(r.ctx, r.namespace, text))
	if !noWait {
		r.await(ts, name, "status.phase", "Initialized")
		r.target(ts, name, func(d *appsv1.Deployment) bool { return d.Status.Replicas == 0 })
		r.gone(ts, name)
	}
}

// target waits until the target is as wanted.
func (r *run) target(ts *testscript.TestScript, name string, wanted func(*appsv1.Deployment) bool) {
	r.poll(ts, "deployment "+name, func(ctx context.Context) (bool, any) {
		d, err := r.cluster.Client().AppsV1().Deployments(r.namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && wanted(d), err
	})
}

// gone waits until the last pod of the target has ended.
func (r *run) gone(ts *testscript.TestScript, name string) {
	r.poll(ts, "the end of the pods of "+name, func(ctx context.Context) (bool, any) {
		pods, err := r.cluster.Client().CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		return err == nil && len(pods.Items) == 0, err
	})
}

// poll repeats a check until it is true; what it says besides is for the message.
func (r *run) poll(ts *testscript.TestScript, what string, check func(context.Context) (bool, any)) {
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	for {
		done, said := check(ctx)
		if done {
			return
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			ts.Fatalf("waited for %s: %v", what, said)
		}
	}
}

// merge is a JSON merge patch.
func merge(into, patch any) any {
	to, ok := into.(map[string]any)
	from, isMap := patch.(map[string]any)
	if !ok || !isMap {
		return patch
	}
	for k, v := range from {
		if v == nil {
			delete(to, k)
			continue
		}
		to[k] = merge(to[k], v)
	}
	return to
}

// cmdRelease sets the image of a target.
func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	name, rest := flags(ts, "release", args, nil)
	if neg || len(rest) != 1 {
		ts.Fatalf("usage: release [-name NAME] VERSION")
	}
	r := of(ts)
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"web","image":%q}]}}}}`, stage.Image(rest[0]))
	_, err := r.cluster.Client().AppsV1().Deployments(r.namespace).
		Patch(r.ctx, name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "script"})
	ts.Check(err)
}

// cmdAwait waits until a field of a canary has a value.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	name, rest := flags(ts, "await", args, nil)
	path, want, found := "", "", false
	if len(rest) == 1 {
		path, want, found = strings.Cut(rest[0], "=")
	}
	if neg || !found {
		ts.Fatalf("usage: await [-name NAME] PATH=VALUE")
	}
	of(ts).await(ts, name, path, want)
}

func (r *run) await(ts *testscript.TestScript, name, path, want string) {
	client, err := dynamic.NewForConfig(r.cluster.RESTConfig)
	ts.Check(err)
	r.poll(ts, fmt.Sprintf("%s: %s=%s", name, path, want), func(ctx context.Context) (bool, any) {
		u, err := client.Resource(stage.Canaries).Namespace(r.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		have, _, _ := unstructured.NestedFieldNoCopy(u.Object, strings.Split(path, ".")...)
		return fmt.Sprint(have) == want, have
	})
}

// cmdEstablished waits until the API server serves canaries. kubectl wait cannot, since it takes a
// definition that has no conditions yet for an error.
func cmdEstablished(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: established")
	}
	r := of(ts)
	client, err := dynamic.NewForConfig(r.cluster.RESTConfig)
	ts.Check(err)
	r.poll(ts, "the API server to serve canaries", func(ctx context.Context) (bool, any) {
		_, err := client.Resource(stage.Canaries).Namespace(r.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil, err
	})
}

// cmdLoad sends requests until the script ends.
func cmdLoad(ts *testscript.TestScript, neg bool, args []string) {
	name, rest := flags(ts, "load", args, nil)
	if neg || len(rest) != 0 {
		ts.Fatalf("usage: load [-name NAME]")
	}
	r := of(ts)
	g, err := load.Start(r.ctx, load.Config{URL: stage.URL(r.cluster), Host: r.host(name), Rate: 50, Timeout: 5 * time.Second})
	ts.Check(err)
	r.cleanup(g.Stop)
}
