//go:build linux

package nodelet_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/test/app/appbin"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// roleEnv makes the test binary a pod's program.
const roleEnv = "NODELET_TEST_ROLE"

func TestMain(m *testing.M) {
	nodelet.PodInit()
	if os.Getenv(roleEnv) == "in-cluster" {
		inCluster()
	}
	app, err := appbin.Build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs := appbin.Programs(app)
	programs["busybox:*"] = nodelet.Program{Path: "/bin/sh"}
	programs["self:*"] = nodelet.Program{Path: "/proc/self/exe", Env: map[string]string{roleEnv: "in-cluster"}}
	testbed.Main(m, testbed.Options{Programs: programs})
}

// inCluster reads its own namespace's pods the way an agent in a pod does.
func inCluster() {
	cfg, err := rest.InClusterConfig()
	if err == nil {
		var ns, body []byte
		ns, _ = os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		client, e := rest.HTTPClientFor(cfg)
		if err = e; err == nil {
			var res *http.Response
			if res, err = client.Get(cfg.Host + "/api/v1/namespaces/" + string(ns) + "/pods"); err == nil {
				body, _ = io.ReadAll(res.Body)
				fmt.Println(res.StatusCode, string(body[:min(len(body), 300)]))
			}
		}
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// create makes a pod of a YAML manifest and returns its name.
func create(t *testing.T, c *testbed.Cluster, ns, manifest string) string {
	t.Helper()
	pod := &v1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(manifest), pod); err != nil {
		t.Fatal(err)
	}
	pod, err := c.Client().CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod.Name
}

// await watches a pod until cond holds and returns it then.
func await(t *testing.T, c *testbed.Cluster, ns, name, what string, cond func(*v1.Pod) bool) *v1.Pod {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last *v1.Pod
	for ctx.Err() == nil {
		w, err := c.Client().CoreV1().Pods(ns).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			continue
		}
		for e := range w.ResultChan() {
			pod, ok := e.Object.(*v1.Pod)
			if !ok {
				break
			}
			last = pod
			if e.Type == watch.Deleted {
				last = nil
			}
			if cond(last) {
				w.Stop()
				return last
			}
		}
	}
	status, _ := yaml.Marshal(last)
	t.Fatalf("pod %s/%s: not %s after 30s:\n%s", ns, name, what, status)
	return nil
}

func ready(p *v1.Pod) bool {
	return p != nil && condition(p, v1.PodReady).Status == v1.ConditionTrue
}

func condition(p *v1.Pod, kind v1.PodConditionType) v1.PodCondition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return v1.PodCondition{}
}

func logs(t *testing.T, c *testbed.Cluster, ns, name string, o *v1.PodLogOptions) string {
	t.Helper()
	out, err := c.Client().CoreV1().Pods(ns).GetLogs(name, o).DoRaw(t.Context())
	if err != nil {
		t.Fatalf("logs of %s: %v", name, err)
	}
	return string(out)
}

func TestPodBecomesReadyAndServes(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	begin := time.Now()
	name := create(t, c, ns, `
metadata: {name: web}
spec:
  containers:
  - name: app
    image: tkubica/web:python-1
    env: [{name: PORT, value: "80"}]
    readinessProbe: {httpGet: {path: /readyz, port: 80}}`)
	pod := await(t, c, ns, name, "ready", ready)
	t.Logf("creation to Ready: %v", time.Since(begin).Round(time.Millisecond))
	cs := pod.Status.ContainerStatuses[0]
	if pod.Status.Phase != v1.PodRunning || !cs.Ready || cs.Started == nil || !*cs.Started || cs.ImageID == "" || pod.Status.HostIP == "" {
		t.Errorf("status %+v", pod.Status)
	}
	if r := condition(pod, v1.PodReady); r.Reason != "" || r.LastTransitionTime.IsZero() {
		t.Errorf("Ready condition of a ready pod: %+v", r)
	}
	res, err := http.Get("http://" + pod.Status.PodIP + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if v := res.Header.Get("X-Version"); v != "python-1" {
		t.Errorf("version %q answered", v)
	}
	if text := logs(t, c, ns, name, &v1.PodLogOptions{}); !strings.Contains(text, "version python-1 listens on "+pod.Status.PodIP+":80") {
		t.Errorf("log: %s", text)
	}
}

func TestInClusterConfig(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: client}
spec:
  restartPolicy: Never
  containers: [{name: client, image: self}]`)
	await(t, c, ns, name, "over", func(p *v1.Pod) bool { return p != nil && p.Status.Phase == v1.PodSucceeded })
	// 403: it was recognised as its service account, which has no rights.
	want := "system:serviceaccount:" + ns + ":default"
	if text := logs(t, c, ns, name, &v1.PodLogOptions{}); !strings.HasPrefix(text, "403") || !strings.Contains(text, want) {
		t.Errorf("the API server said to the pod: %s", text)
	}
}

func TestUnknownImage(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: web}
spec: {containers: [{name: app, image: "nowhere/nothing:1"}]}`)
	for _, reason := range []string{"ErrImagePull", "ImagePullBackOff"} {
		pod := await(t, c, ns, name, reason, func(p *v1.Pod) bool {
			return p != nil && len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].State.Waiting.Reason == reason
		})
		if m := pod.Status.ContainerStatuses[0].State.Waiting.Message; !strings.Contains(m, "nowhere/nothing:1") || pod.Status.Phase != v1.PodPending {
			t.Errorf("%s: phase %s, message %s", reason, pod.Status.Phase, m)
		}
	}
}

func TestKilledContainerIsRestarted(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: web}
spec:
  containers: [{name: app, image: "app:1", readinessProbe: {tcpSocket: {port: 9898}}}]`)
	first := await(t, c, ns, name, "ready", ready)
	if err := c.Node.Kill(ns, name, "app", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pod := await(t, c, ns, name, "restarted", func(p *v1.Pod) bool { return ready(p) && p.Status.ContainerStatuses[0].RestartCount == 1 })
	end := pod.Status.ContainerStatuses[0].LastTerminationState.Terminated
	if end == nil || end.ExitCode != 137 || end.Signal != 9 || end.Reason != "Error" {
		t.Errorf("last state %+v", end)
	}
	if pod.Status.PodIP != first.Status.PodIP {
		t.Errorf("pod IP changed from %s to %s", first.Status.PodIP, pod.Status.PodIP)
	}
	if err := c.Node.Kill(ns, name, "app", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pod = await(t, c, ns, name, "in back-off", func(p *v1.Pod) bool {
		w := p.Status.ContainerStatuses[0].State.Waiting
		return w != nil && w.Reason == "CrashLoopBackOff"
	})
	if ready(pod) {
		t.Error("ready while in back-off")
	}
	if text := logs(t, c, ns, name, &v1.PodLogOptions{Previous: true}); !strings.Contains(text, "version 1 listens") {
		t.Errorf("previous log: %q", text)
	}
}

func TestVolumesAndEnvironment(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	ctx := t.Context()
	if _, err := c.Client().CoreV1().ConfigMaps(ns).Create(ctx, &v1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cm"}, Data: map[string]string{"a.txt": "from map", "KEY": "key of map"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().CoreV1().Secrets(ns).Create(ctx, &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, StringData: map[string]string{"pw": "hidden"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	name := create(t, c, ns, `
metadata: {name: reader, labels: {color: blue}}
spec:
  restartPolicy: Never
  volumes:
  - {name: cm, configMap: {name: cm}}
  - {name: s, secret: {secretName: s, items: [{key: pw, path: deep/password}]}}
  - {name: shared, emptyDir: {}}
  initContainers:
  - name: writer
    image: busybox
    command: [sh, -c, "echo from init > /tmp/made-up/by/init"]
    volumeMounts: [{name: shared, mountPath: /tmp/made-up/by}]
  containers:
  - name: reader
    image: busybox
    command: [sh, -c]
    args: ["cat /etc/made/up/a.txt /run/s/deep/password /var/lib/shared/init && ls /etc/passwd && hostname && grep search /etc/resolv.conf && env"]
    envFrom: [{configMapRef: {name: cm}, prefix: CM_}]
    env:
    - {name: COLOR, valueFrom: {fieldRef: {fieldPath: "metadata.labels['color']"}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: BOTH, value: "$(COLOR)-$(POD_IP)-$$(COLOR)"}
    - {name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}
    volumeMounts:
    - {name: cm, mountPath: /etc/made/up}
    - {name: s, mountPath: /run/s}
    - {name: shared, mountPath: /var/lib/shared}`)
	pod := await(t, c, ns, name, "over", func(p *v1.Pod) bool {
		return p != nil && (p.Status.Phase == v1.PodSucceeded || p.Status.Phase == v1.PodFailed)
	})
	text := logs(t, c, ns, name, &v1.PodLogOptions{Container: "reader"})
	ip := pod.Status.PodIP
	for _, want := range []string{"from map", "hidden", "from init", "/etc/passwd", "\nreader\n", "search " + ns + ".svc.cluster.local", "COLOR=blue\n", "IP=" + ip, "BOTH=blue-" + ip + "-$(COLOR)\n", "PW=hidden", "CM_KEY=key of map", "KUBERNETES_SERVICE_HOST=10.96.0.1", "BIND_ADDRESS=" + ip, "IMAGE_TAG=latest"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("output: %s\nstatus: %+v", text, pod.Status)
	}
	for _, p := range []string{"/etc/made", "/run/s", "/tmp/made-up"} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s appeared on the machine", p)
		}
	}
}

func TestImpossibleMountIsReported(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: web}
spec:
  volumes: [{name: v, emptyDir: {}}]
  containers: [{name: app, image: "app:1", volumeMounts: [{name: v, mountPath: /nonexistent/data}]}]`)
	pod := await(t, c, ns, name, "CreateContainerError", func(p *v1.Pod) bool {
		return p != nil && len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].State.Waiting.Reason == "CreateContainerError"
	})
	if m := pod.Status.ContainerStatuses[0].State.Waiting.Message; !strings.Contains(m, "/nonexistent/data does not exist on this machine") {
		t.Errorf("message %s", m)
	}
}

func TestProbes(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - name: app
    image: ghcr.io/stefanprodan/podinfo:6.0.0
    command: [./podinfo, --port=9797, --level=info]
    startupProbe: {exec: {command: [podcli, check, http, "localhost:9797/healthz"]}, periodSeconds: 1}
    readinessProbe: {exec: {command: [test, -e, /run/v/ready]}, periodSeconds: 1, failureThreshold: 1}
    livenessProbe: {exec: {command: [test, "!", -e, /run/v/dead]}, periodSeconds: 1, failureThreshold: 1}
    volumeMounts: [{name: v, mountPath: /run/v}]`)
	pod := await(t, c, ns, name, "started", func(p *v1.Pod) bool {
		return p != nil && len(p.Status.ContainerStatuses) == 1 && *p.Status.ContainerStatuses[0].Started
	})
	if ready(pod) {
		t.Error("ready before its readiness probe succeeded")
	}
	volume := filepath.Join(c.Dir, "node", "pods", string(pod.UID), "volumes", "v")
	touch := func(file string) {
		if err := os.WriteFile(filepath.Join(volume, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	touch("ready")
	await(t, c, ns, name, "ready", ready)
	if err := os.Remove(filepath.Join(volume, "ready")); err != nil {
		t.Fatal(err)
	}
	await(t, c, ns, name, "unready again", func(p *v1.Pod) bool { return !ready(p) })
	touch("dead")
	await(t, c, ns, name, "restarted by its liveness probe", func(p *v1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount > 0 })
}

func TestFollowedLog(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: talker}
spec:
  restartPolicy: Never
  containers: [{name: sh, image: busybox, command: [sh, -c, "echo one; echo two >&2; sleep 0.3; printf three"]}]`)
	await(t, c, ns, name, "running", func(p *v1.Pod) bool { return p != nil && p.Status.Phase != v1.PodPending })
	if got := logs(t, c, ns, name, &v1.PodLogOptions{Follow: true}); !strings.HasSuffix(got, "three\n") || !strings.Contains(got, "one\n") || !strings.Contains(got, "two\n") {
		t.Errorf("followed: %q", got)
	}
	one := int64(1)
	if got := logs(t, c, ns, name, &v1.PodLogOptions{TailLines: &one}); got != "three\n" {
		t.Errorf("tail: %q", got)
	}
	got := logs(t, c, ns, name, &v1.PodLogOptions{Timestamps: true, TailLines: &one})
	if _, err := time.Parse(time.RFC3339Nano, strings.Fields(got)[0]); err != nil {
		t.Errorf("timestamps: %q", got)
	}
	future := metav1.NewTime(time.Now().Add(time.Hour))
	if got := logs(t, c, ns, name, &v1.PodLogOptions{SinceTime: &future}); got != "" {
		t.Errorf("since the future: %q", got)
	}
}

func TestGracefulAndForcedDeletion(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	manifest := `
metadata: {name: stubborn}
spec:
  terminationGracePeriodSeconds: %d
  containers:
  - name: sh
    image: busybox
    command: [sh, -c, "trap '' TERM; touch trapped; while :; do sleep 0.05; done"]
    readinessProbe: {exec: {command: [test, -e, trapped]}}`
	name := create(t, c, ns, fmt.Sprintf(manifest, 1))
	await(t, c, ns, name, "ready", ready)
	begin := time.Now()
	if err := c.Client().CoreV1().Pods(ns).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, c, ns, name, "unready while it ends", func(p *v1.Pod) bool { return p == nil || !ready(p) })
	await(t, c, ns, name, "gone", func(p *v1.Pod) bool { return p == nil })
	if d := time.Since(begin); d < 900*time.Millisecond || d > 10*time.Second {
		t.Errorf("gone after %v, want its grace period of 1s", d)
	}
	name = create(t, c, ns, fmt.Sprintf(manifest, 600))
	await(t, c, ns, name, "ready", ready)
	none := int64(0)
	if err := c.Client().CoreV1().Pods(ns).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &none}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for c.Node.Kill(ns, name, "sh", 0) == nil {
		if time.Now().After(deadline) {
			t.Fatal("the process of a pod deleted by force still runs")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestUnschedulable(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	name := create(t, c, ns, `
metadata: {name: web}
spec:
  containers: [{name: app, image: "app:1", resources: {requests: {cpu: "1000"}}}]`)
	pod := await(t, c, ns, name, "unschedulable", func(p *v1.Pod) bool { return p != nil && condition(p, v1.PodScheduled).Reason == "Unschedulable" })
	if m := condition(pod, v1.PodScheduled).Message; !strings.Contains(m, "Insufficient cpu") || pod.Spec.NodeName != "" {
		t.Errorf("node %q, message %s", pod.Spec.NodeName, m)
	}
}
