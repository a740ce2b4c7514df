package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// flagArg is one flag of the agent, as one argument (--name=value) or two.
type flagArg struct {
	name  string
	words []string
}

// The flags that other settings decide.
const (
	flagNamespace      = "namespace"
	flagLeaseNamespace = "leader-election-namespace"
	flagConfigTracking = "enable-config-tracking"
)

// decided says which setting decides a flag.
var decided = map[string]string{
	flagNamespace:      "install with --namespace-scoped, or without",
	flagLeaseNamespace: "the agent has the right to a lease in its own namespace only",
	flagConfigTracking: "use --without " + FeatureConfigTracking,
}

// flagsOf splits arguments into flags. Go's flags take one or two dashes, and a value in the same
// argument or in the next.
func flagsOf(args []string) []flagArg {
	var flags []flagArg
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			if len(flags) > 0 {
				last := &flags[len(flags)-1]
				last.words = append(last.words, arg)
			}
			continue
		}
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flags = append(flags, flagArg{name, []string{arg}})
	}
	return flags
}

// Overlay puts flags of the agent over others: those of the same name are replaced where they are, the rest is
// added at the end.
func Overlay(args, over []string) []string {
	flags := flagsOf(args)
	for _, f := range flagsOf(over) {
		if i := slices.IndexFunc(flags, func(have flagArg) bool { return have.name == f.name }); i >= 0 {
			flags[i] = f
		} else {
			flags = append(flags, f)
		}
	}
	return wordsOf(flags)
}

// without leaves flags out.
func without(args []string, names ...string) []string {
	return wordsOf(slices.DeleteFunc(flagsOf(args), func(f flagArg) bool { return slices.Contains(names, f.name) }))
}

func wordsOf(flags []flagArg) []string {
	words := []string{}
	for _, f := range flags {
		words = append(words, f.words...)
	}
	return words
}

// value of a flag; found is false when it is not given.
func value(args []string, name string) (v string, found bool) {
	for _, f := range flagsOf(args) {
		if f.name != name {
			continue
		}
		found = true
		if _, inline, ok := strings.Cut(f.words[0], "="); ok {
			v = inline
		} else if len(f.words) > 1 {
			v = f.words[1]
		}
	}
	return v, found
}

// checkArgs finds what is no flag, or one that other settings decide. A word that does not begin with a
// dash is the value of the flag before it, if that has none yet.
func checkArgs(args []string) error {
	open := false
	for _, arg := range args {
		flag := strings.HasPrefix(arg, "-") && strings.Trim(arg, "-") != ""
		if !flag && !open {
			return fmt.Errorf("%q is not a flag of the agent: write --name=value in one argument", arg)
		}
		open = flag && !strings.Contains(arg, "=")
	}
	for _, f := range flagsOf(args) {
		if why, found := decided[f.name]; found {
			return fmt.Errorf("the agent's flag --%s cannot be set: %s", f.name, why)
		}
	}
	return nil
}
