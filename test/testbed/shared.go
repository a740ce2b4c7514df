//go:build linux

package testbed

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shared is the one cluster that the tests of a package use together.
var shared struct {
	once    sync.Once
	options Options
	cluster *Cluster
	err     error
}

// Shared returns the cluster of the test binary, with the options given to Main,
// and starts it the first time. Tests keep out of each other's way by using a
// Namespace each. If a test that uses it fails, the cluster's state is dumped
// and the test's log says where.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	if refused != nil {
		t.Skipf("no test cluster: %v (%s=1 makes this a failure)", refused, RequiredEnv)
	}
	shared.once.Do(func() {
		shared.cluster, shared.err = Start(context.Background(), shared.options)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	shared.cluster.DumpOnFailure(t)
	return shared.cluster
}

// ArtifactsEnv names the directory for dumps of what failed.
const ArtifactsEnv = "TESTBED_ARTIFACTS"

// ArtifactsDir is a directory that Dump may write to when what is named so has failed.
func ArtifactsDir(name string) string {
	base := os.Getenv(ArtifactsEnv)
	if base == "" {
		base = filepath.Join(os.TempDir(), "kubectl-canary-testbed-failures")
	}
	return filepath.Join(base, time.Now().Format("20060102-150405-")+objectName(name))
}

// DumpOnFailure dumps the cluster when the test has failed. Cleanups that were
// registered before run after the dump, later ones before it. It may be called
// again to dump earlier; there is one dump per test.
func (c *Cluster) DumpOnFailure(t testing.TB) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		if _, done := c.dumped.LoadOrStore(t, true); done {
			return
		}
		dir := ArtifactsDir(t.Name())
		if err := c.Dump(dir); err != nil {
			t.Logf("the dump of the test cluster is incomplete: %v", err)
		}
		if err := c.Err(); err != nil {
			t.Logf("the test cluster is broken: %v", err)
		}
		t.Logf("logs and objects of the test cluster: %s", dir)
	})
}

// Namespace makes a namespace for one test and deletes it after the test. It does
// not wait for the deletion: names are unique and the cluster is going to end.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	ns, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: objectName(t.Name()) + "-"},
	}, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil {
		t.Fatalf("make a namespace for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := c.client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Logf("delete the namespace %s: %v", ns.Name, err)
		}
	})
	c.DumpOnFailure(t) // once more, so that it happens before the deletion
	waitCtx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = c.wait(waitCtx, "the service account of namespace "+ns.Name, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// objectName turns a test's name into the start of an object's name.
func objectName(test string) string {
	name := notInName.ReplaceAllString(strings.ToLower(strings.TrimPrefix(test, "Test")), "-")
	return strings.Trim(name[:min(len(name), 40)], "-")
}
