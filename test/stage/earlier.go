//go:build linux

package stage

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// EarlierAgentImage is the image of Programs.Earlier.
const EarlierAgentImage = AgentImage + ":earlier"

// earlierPaths are what the agent of a commit is made of.
var earlierPaths = []string{"go.mod", "go.sum", "api", "agent", "cmd/canary-agent", "manifests"}

// Earlier is the agent of an earlier commit with the manifests that it was shipped with.
type Earlier struct {
	// Commit is the full hash.
	Commit string
	// Dir is where the commit's files and its agent are, by its hash: what is there is not made
	// again.
	Dir string
}

// EarlierIn names the agent of a commit in a directory, whether it is there or not.
func EarlierIn(dir, commit string) *Earlier {
	return &Earlier{Commit: commit, Dir: filepath.Join(dir, "earlier-"+commit)}
}

// Agent is the path of the executable.
func (e *Earlier) Agent() string { return filepath.Join(e.Dir, "agent-of-commit") }

// Missing is an error that says why there is no agent of the commit, or nil if there is one.
func (e *Earlier) Missing() error {
	if _, err := os.Stat(e.Agent()); err != nil {
		return fmt.Errorf("the agent of commit %s was not built, because git does not find that commit here: "+
			"in a shallow clone git fetch --unshallow gets it: %w", e.Commit, err)
	}
	return nil
}

// build takes the commit's files out of the history and builds the agent from them. A history that
// lacks the commit is no error, see Missing.
func (e *Earlier) build(ctx context.Context, root string) error {
	if e.Missing() == nil {
		return nil
	}
	if err := exec.CommandContext(ctx, "git", "-C", root, "cat-file", "-e", e.Commit+"^{commit}").Run(); err != nil {
		return nil // There is no such commit, or no git.
	}
	if err := os.MkdirAll(filepath.Dir(e.Dir), 0o755); err != nil {
		return err
	}
	// What is interrupted leaves nothing behind that looks complete.
	unfinished, err := os.MkdirTemp(filepath.Dir(e.Dir), "unfinished-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(unfinished) }()
	files := &Earlier{Commit: e.Commit, Dir: filepath.Join(unfinished, "files")}
	if err := files.extract(ctx, root, filepath.Join(unfinished, "files.zip")); err != nil {
		return fmt.Errorf("take commit %s out of the history of %s: %w", e.Commit, root, err)
	}
	if err := buildProgram(ctx, files.Dir, "./cmd/canary-agent", files.Agent(), ""); err != nil {
		return fmt.Errorf("the agent of commit %s: %w", e.Commit, err)
	}
	if err := os.Rename(files.Dir, e.Dir); err != nil && e.Missing() != nil { // Else somebody was faster.
		return err
	}
	return nil
}

func (e *Earlier) extract(ctx context.Context, root, archive string) error {
	args := slices.Concat([]string{"-C", root, "archive", "--format=zip", "--output=" + archive, e.Commit, "--"}, earlierPaths)
	if out, err := exec.CommandContext(ctx, "git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git archive: %w\n%s", err, out)
	}
	files, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()
	return os.CopyFS(e.Dir, files)
}

// Install applies the commit's own CRDs and manifests and waits for its agent. Extra arguments come
// after those of the manifest. The function Install, afterwards, is the upgrade.
func (e *Earlier) Install(ctx context.Context, c *testbed.Cluster, extra ...string) error {
	docs, err := e.manifests()
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if doc, err = withArgs(doc, slices.Concat(agentArgs, extra)); err != nil {
			return err
		}
		if doc, err = withImage(doc, EarlierAgentImage); err != nil {
			return err
		}
		if err := c.Apply(ctx, "", doc); err != nil {
			return fmt.Errorf("install the agent of commit %s: %w", e.Commit, err)
		}
	}
	return WaitAgent(ctx, c)
}

// manifests are in the order in which they can be applied: the CRDs, the agent's namespace, and its
// Deployment last. Which others there are differs between commits.
func (e *Earlier) manifests() ([][]byte, error) {
	const first, last = "manifests/agent/namespace.yaml", "manifests/agent/deployment.yaml"
	names := []string{first}
	files := os.DirFS(e.Dir)
	for _, pattern := range []string{"manifests/crd/*.yaml", "manifests/agent/*.yaml", "manifests/agent/*/*.yaml"} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			if name != first && name != last && filepath.Base(name) != "kustomization.yaml" {
				names = append(names, name)
			}
		}
	}
	var docs [][]byte
	for _, name := range append(names, last) {
		doc, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the manifests of commit %s: %w", e.Commit, err)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// withImage sets the image of the agent's Deployment and leaves others alone.
func withImage(doc []byte, image string) ([]byte, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &kind); err != nil || kind.Kind != "Deployment" {
		return doc, nil //nolint:nilerr // Several documents in one: not the Deployment.
	}
	var d appsv1.Deployment
	if err := yaml.Unmarshal(doc, &d); err != nil {
		return nil, fmt.Errorf("read the agent's Deployment: %w", err)
	}
	if len(d.Spec.Template.Spec.Containers) != 1 {
		return nil, errors.New("the agent's Deployment does not have exactly one container")
	}
	d.Spec.Template.Spec.Containers[0].Image = image
	return yaml.Marshal(d)
}
