package installer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// DefaultTimeout is how long to wait until the agent is ready.
const DefaultTimeout = 2 * time.Minute

// Flags are those that install and upgrade share.
type Flags struct {
	cli.Output

	// CRDs: apply the CustomResourceDefinitions as well.
	CRDs bool
	// Image of the agent.
	Image string
	// Providers and Features replace those that there would be; Without is left out of them.
	Providers, Features, Without []string
	// MetricsServer is the agent's flag of that name.
	MetricsServer string
	// AgentArgs are other flags of the agent.
	AgentArgs []string
	// Replicas of the agent; negative when not given.
	Replicas int64

	Wait         bool
	Timeout      time.Duration
	DryRun       cli.DryRun
	FieldManager string
	Yes          bool
}

// AddFlags binds the flags. With keep, settings whose flags are not given stay as they are.
func (f *Flags) AddFlags(cmd *cobra.Command, keep bool) {
	all, image, server, replicas := " Default: all.", " Default: "+manifest.AgentName+".", " Default: http://prometheus:9090.", " Default: 1."
	if keep {
		const same = " Default: as it is."
		all, image, server, replicas = same, same, same, same
	}
	providers, features := manifest.Providers(), manifest.Features(false)
	f.Output.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.CRDs, "crds", true, "Apply the CustomResourceDefinitions as well. Without them they have to be there.")
	flags.StringVar(&f.Image, "image", "", "The image of the agent."+image)
	flags.StringSliceVar(&f.Providers, "provider", nil,
		"Traffic providers that the agent gets rights for: "+strings.Join(providers, ", ")+"."+all)
	flags.StringSliceVar(&f.Features, "feature", nil,
		"Features to install: "+strings.Join(features, ", ")+"."+all)
	flags.StringSliceVar(&f.Without, "without", nil, "Features to leave out.")
	flags.StringVar(&f.MetricsServer, "metrics-server", "", "URL of the Prometheus for canaries that name none."+server)
	flags.StringArrayVar(&f.AgentArgs, "agent-arg", nil, "Another flag of the agent, as --name=value; can be given several times.")
	flags.Int64Var(&f.Replicas, "replicas", -1, "How many pods the agent has: one works, the others stand by."+replicas)
	flags.Lookup("replicas").DefValue = "0" // What stands for "not given" is nobody's business.
	flags.BoolVar(&f.Wait, "wait", true, "Wait until the agent is ready.")
	flags.DurationVar(&f.Timeout, "timeout", DefaultTimeout, "How long to wait.")
	flags.StringVar(&f.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	flags.BoolVarP(&f.Yes, "yes", "y", false, "Do not ask on a terminal.")
	f.DryRun.AddFlag(cmd)
	for flag, values := range map[string][]string{"provider": providers, "feature": features, "without": features} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// Validate finds flags that make no sense.
func (f *Flags) Validate() error {
	switch {
	case f.Timeout <= 0:
		return cli.Usagef("--timeout must be positive; use --wait=false in order not to wait")
	case f.FieldManager == "":
		return cli.Usagef("--field-manager must not be empty")
	case len(f.Features) > 0 && len(f.Without) > 0:
		return cli.Usagef("--feature and --without contradict each other")
	case f.Replicas < -1:
		return cli.Usagef("--replicas must not be negative")
	case strings.ContainsAny(f.Image, " \t\n"):
		return cli.Usagef("--image %q is not the name of an image", f.Image)
	}
	for _, name := range f.Without {
		if !slices.Contains(manifest.Features(false), name) {
			return cli.Usagef("--without %s: there is no such feature; use %s", name, strings.Join(manifest.Features(false), ", "))
		}
	}
	if err := f.given(false).Validate(); err != nil {
		return cli.Usagef("%w", err)
	}
	return f.Output.Validate()
}

// given is what the flags say, and nothing else.
func (f *Flags) given(scoped bool) manifest.Settings {
	args := f.AgentArgs
	if f.MetricsServer != "" {
		args = append([]string{"--metrics-server=" + f.MetricsServer}, args...)
	}
	return manifest.Settings{Scoped: scoped, Providers: f.Providers, Features: f.Features, Args: args}
}

// Over puts the flags that were given over settings.
func (f *Flags) Over(s manifest.Settings) (manifest.Settings, error) {
	s.CRDs = f.CRDs
	if f.Image != "" {
		s.Image = f.Image
	}
	if len(f.Providers) > 0 {
		s.Providers = f.Providers
	}
	if len(f.Features) > 0 {
		s.Features = f.Features
	}
	s.Features = slices.DeleteFunc(slices.Clone(s.Features), func(have string) bool { return slices.Contains(f.Without, have) })
	if f.Replicas >= 0 {
		s.Replicas = &f.Replicas
	}
	// What is wrong with flags that were given is a mistake of usage; what was there before is not.
	given := f.given(s.Scoped)
	if err := given.Validate(); err != nil {
		return s, cli.Usagef("%w", err)
	}
	s.Args = manifest.Overlay(s.Args, given.Args)
	if err := s.Validate(); err != nil {
		return s, fmt.Errorf("the settings of this installation: %w", err)
	}
	return s, nil
}
