package binaries

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// The names of the programs.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Traefik           = "traefik"
	Prometheus        = "prometheus"
	Kubectl           = "kubectl"
)

// tool is one program to build.
type tool struct {
	name    string
	module  string // directory under testbed/bin
	pkg     string // import path of the main package
	version string // for people and for the stamp; the pin itself is in go.mod
	minutes string // what a first build costs on two cores, for the progress line
	ldflags string
	tags    string
	crds    []crdSource
}

// crdSource is a set of CRD manifests inside a module that the tool is built
// from. They are copied next to the program, so the two always fit together.
type crdSource struct {
	module string
	glob   string
}

const kubeStamp = "-X k8s.io/component-base/version.gitVersion=v1.36.3" +
	" -X k8s.io/component-base/version.gitMajor=1" +
	" -X k8s.io/component-base/version.gitMinor=36"

// tools lists the programs in the order they are built.
var tools = []tool{
	{name: Etcd, module: "etcd", pkg: "go.etcd.io/etcd/server/v3", version: "v3.7.3", minutes: "1 minute"},
	{name: APIServer, module: "kube", pkg: "k8s.io/kubernetes/cmd/kube-apiserver", version: "v1.36.3",
		minutes: "6 minutes", ldflags: kubeStamp},
	{name: ControllerManager, module: "kube", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", version: "v1.36.3",
		minutes: "1 minute", ldflags: kubeStamp},
	{name: Traefik, module: "traefik", pkg: "github.com/traefik/traefik/v3/cmd/traefik", version: "v3.7.9",
		minutes: "7 minutes",
		crds: []crdSource{
			{"sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_*.yaml"},
			{"github.com/traefik/traefik/v3", "docs/content/reference/dynamic-configuration/traefik.io_*.yaml"},
		}},
	{name: Prometheus, module: "prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus", version: "v0.315.0",
		minutes: "3 minutes", tags: "remove_all_sd,enable_kubernetes_sd"},
	{name: Kubectl, module: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl", version: "v1.36.3",
		minutes: "1 minute", ldflags: kubeStamp},
}

// Servers lists the programs that a full cluster runs, in build order.
func Servers() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return name == Kubectl })
}

// Names lists every program, in build order.
func Names() []string {
	var names []string
	for _, t := range tools {
		names = append(names, t.name)
	}
	return names
}

func find(names []string) ([]tool, error) {
	var found []tool
	for _, t := range tools {
		if slices.Contains(names, t.name) {
			found = append(found, t)
		}
	}
	if len(found) != len(names) {
		return nil, fmt.Errorf("unknown program in %v, there are %v", names, Names())
	}
	return found, nil
}

// SourceEnv names the directory that holds the nested modules, for programs that
// run far from the source tree.
const SourceEnv = "KUBECTL_CANARY_TESTBED_BIN"

// sourceDir finds testbed/bin: by SourceEnv, next to this source file (unless
// the build trimmed its path), or from the working directory upwards.
func sourceDir() (string, error) {
	var tried []string
	check := func(dir string) bool {
		tried = append(tried, dir)
		_, err := os.Stat(filepath.Join(dir, "kube", "go.mod"))
		return err == nil
	}
	if dir := os.Getenv(SourceEnv); dir != "" && check(dir) {
		return dir, nil
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "..", "bin"); check(dir) {
			return dir, nil
		}
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		for _, below := range []string{"test/testbed/bin", "testbed/bin"} {
			if dir := filepath.Join(at, below); check(dir) {
				return dir, nil
			}
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("find the modules of the test cluster's programs: none of %v holds kube/go.mod; set %s to test/testbed/bin", tried, SourceEnv)
		}
		at = up
	}
}
