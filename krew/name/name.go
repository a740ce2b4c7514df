package name

import "strings"

const (
	// Plugin is the name in krew's index: lower case, words joined by dashes.
	Plugin = "canary"
	// Display is how the program is called.
	Display = "kubectl " + Plugin
)

// Executable is the file that kubectl looks for on the PATH when the plugin is called, such as
// kubectl-canary; on windows with .exe. A dash within a name is an underscore there, because kubectl
// takes each dash for the beginning of a subcommand.
func Executable(plugin, goos string) string { return file("kubectl-", plugin, goos) }

// CompletionExecutable is the file that kubectl runs to complete arguments of the plugin, such as
// kubectl_complete-canary; on windows with .exe.
func CompletionExecutable(plugin, goos string) string { return file("kubectl_complete-", plugin, goos) }

func file(prefix, plugin, goos string) string {
	f := prefix + strings.ReplaceAll(plugin, "-", "_")
	if goos == "windows" {
		f += ".exe"
	}
	return f
}
