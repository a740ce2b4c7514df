package installer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// NewSession starts a command with its flags.
func (f *Flags) NewSession(deps cli.Deps) (*Session, error) {
	client, err := deps.Cluster.Dynamic()
	if err != nil {
		return nil, err
	}
	return f.session(deps, client), nil
}

// Offline prints what an installation with these settings consists of, and asks no cluster.
func (f *Flags) Offline(deps cli.Deps, settings manifest.Settings) error {
	objects, err := manifest.Render(settings)
	if err != nil {
		return err
	}
	s := f.session(deps, nil)
	if s.Quiet {
		return s.Print(&f.Output, objects)
	}
	for _, o := range objects {
		if err := s.Did(o, "created"); err != nil {
			return err
		}
	}
	return nil
}

// Deploy brings an installation to what the settings say: asks for the rights, applies, takes away
// what is left over, and waits until the agent is ready.
func (f *Flags) Deploy(ctx context.Context, s *Session, settings manifest.Settings) error {
	objects, err := manifest.Render(settings)
	if err != nil {
		return err
	}
	if err := s.MayApply(ctx, objects, hint(settings)); err != nil {
		return err
	}
	if !settings.CRDs {
		if err := s.needCRDs(ctx, settings.Namespace); err != nil {
			return err
		}
	}
	leftovers, err := s.Leftovers(ctx, settings, objects)
	if err != nil {
		return err
	}
	if err := s.Preflight(ctx, objects); err != nil {
		return err
	}
	waiting := s.DryRun.String() == string(cli.DryRunNone) && f.Wait
	first := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() != "CustomResourceDefinition" })
	var applied []*unstructured.Unstructured
	for _, part := range [][]*unstructured.Unstructured{objects[:first], objects[first:]} {
		if len(part) == 0 {
			continue
		}
		done, err := s.Apply(ctx, part)
		applied = append(applied, done...)
		if err != nil {
			return err
		}
		if part[len(part)-1].GetKind() == "Deployment" {
			if err := s.Prune(ctx, leftovers); err != nil {
				return err
			}
		}
		if waiting {
			if err := f.waitReady(ctx, s, done); err != nil {
				return err
			}
		}
	}
	if s.Quiet {
		return s.Print(&f.Output, applied)
	}
	return nil
}

func (f *Flags) session(deps cli.Deps, client dynamic.Interface) *Session {
	return &Session{
		Deps: deps, Client: client, FieldManager: f.FieldManager, DryRun: f.DryRun, Yes: f.Yes, Quiet: !f.Table(),
	}
}

func (f *Flags) waitReady(ctx context.Context, s *Session, objects []*unstructured.Unstructured) error {
	waiting, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	err := s.WaitReady(waiting, objects)
	if cli.CodeOf(err) == cli.CodeTimeout {
		return cli.TimedOut("%w; what was applied stays, and the same command waits again", err)
	}
	return err
}

// hint says what a user without the rights can do.
func hint(s manifest.Settings) string {
	text := "they are those of a cluster administrator (clusterrole cluster-admin)"
	if !s.Scoped {
		text += "; --namespace-scoped needs fewer"
	}
	if s.CRDs {
		text += "; --crds=false goes without those for customresourcedefinitions, which somebody else has to apply then: kubectl canary install --dry-run=client -o yaml shows them"
	}
	return text
}

// needCRDs makes sure that the API is there which is not going to be installed. Who may not read
// CustomResourceDefinitions may be able to list canaries.
func (s *Session) needCRDs(ctx context.Context, namespace string) error {
	_, err := s.Client.Resource(v1beta1.CanaryResource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if cluster.IsNoResource(err) {
		return errors.New("the CustomResourceDefinitions of the Canary API are not there, and --crds=false leaves them out: " +
			"let a cluster administrator apply them, or install without --crds=false")
	}
	return nil
}

// Refuse says why an installation with these settings must not be, beside the agents and the other
// controllers that are there; nil when it may.
func (f Survey) Refuse(settings manifest.Settings) error {
	for _, c := range f.Agents {
		here := c.Namespace == settings.Namespace
		switch {
		case here && c.Name != manifest.AgentName:
			return fmt.Errorf("deployment %s has the labels of the agent, and another name than it has in the manifests: remove it first", c)
		case here && c.Scope != "" && c.Scope != settings.Namespace:
			return fmt.Errorf("the agent of deployment %s looks after namespace %q, where an installation by this command has no rights: remove it first", c, c.Scope)
		case here && (c.Scope != "") != settings.Scoped:
			return fmt.Errorf("the agent that is installed in namespace %q looks after %s: remove it first, with kubectl canary uninstall -n %[1]s, which leaves the canaries as they are",
				c.Namespace, scopeText(c.Scope))
		case !here && (c.Scope == "" || !settings.Scoped || c.Scope == settings.Namespace):
			return fmt.Errorf("an agent is installed in namespace %q already, and looks after %s: upgrade it with kubectl canary upgrade -n %[1]s, or remove it first with kubectl canary uninstall -n %[1]s",
				c.Namespace, scopeText(c.Scope))
		}
	}
	if settings.Scoped {
		for _, c := range f.RivalsFor(settings.Namespace) {
			if c.Namespace != settings.Namespace {
				return fmt.Errorf("deployment %s is another controller of this API; an agent with rights in namespace %q alone cannot see it and would act beside it: "+
					"scale it to zero first (%s), or limit it to other namespaces", c, settings.Namespace, ScaleDown(c))
			}
		}
	}
	return nil
}

func scopeText(scope string) string {
	if scope == "" {
		return "the canaries of all namespaces"
	}
	return fmt.Sprintf("those of namespace %q", scope)
}

// Warn tells about other controllers beside which the agent does nothing.
func (s *Session) Warn(found Survey, settings manifest.Settings) error {
	for _, c := range found.Rivals {
		if settings.Scoped && c.Namespace != settings.Namespace {
			continue
		}
		err := s.Say("warning: deployment %s is another controller of this API; the agent is installed beside it and does nothing until it is scaled to zero: %s",
			c, ScaleDown(c))
		if err != nil {
			return err
		}
	}
	if found.Partial && settings.Scoped {
		return s.Say("warning: you may not list deployments of other namespaces, so nobody has looked whether another agent or controller looks after namespace %q from there", settings.Namespace)
	}
	return nil
}

// Read finds out how an agent was installed.
func (s *Session) Read(ctx context.Context, agent *controllers.Controller) (manifest.Settings, error) {
	deployment, err := s.Get(ctx, "Deployment", agent.Namespace, agent.Name)
	if err != nil {
		return manifest.Settings{}, s.Cluster.Explain(err, "read the deployment of the agent, "+agent.String())
	}
	live := manifest.Live{Deployment: deployment}
	if manifest.Scope(deployment) != "" {
		role, err := s.Get(ctx, "Role", agent.Namespace, manifest.AgentName)
		if err != nil {
			return manifest.Settings{}, s.Cluster.Explain(err, "read the role of the agent in namespace "+agent.Namespace)
		}
		live.Roles = append(live.Roles, role)
		return live.Settings()
	}
	for _, selector := range []string{manifest.PartOfLabel + "=" + manifest.PartOf, "kubectl-canary/aggregate-to-agent=true"} {
		roles, err := s.list(ctx, s.of("ClusterRole", ""), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return manifest.Settings{}, s.Cluster.Explain(err, "list the clusterroles of the agent")
		}
		live.Roles = append(live.Roles, roles...)
	}
	policies, err := s.list(ctx, s.of("ValidatingAdmissionPolicy", ""), metav1.ListOptions{LabelSelector: manifest.PartOfLabel + "=" + manifest.PartOf})
	if err != nil && !cluster.IsNoResource(err) {
		return manifest.Settings{}, s.Cluster.Explain(err, "list validatingadmissionpolicies")
	}
	live.Policy = len(policies) > 0
	return live.Settings()
}

// Missing names what this version has and the settings leave out, as flags that would add it; empty
// when there is nothing.
func Missing(settings manifest.Settings) string {
	all := manifest.Default(settings.Namespace, settings.Scoped)
	var flags []string
	for _, set := range []struct {
		flag       string
		have, want []string
	}{{"--provider", settings.Providers, all.Providers}, {"--feature", settings.Features, all.Features}} {
		if slices.ContainsFunc(set.want, func(name string) bool { return !slices.Contains(set.have, name) }) {
			flags = append(flags, set.flag+"="+strings.Join(set.want, ","))
		}
	}
	return strings.Join(flags, " ")
}
