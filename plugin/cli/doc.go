// Package cli holds what every command of the plugin shares: its dependencies, the way errors
// become exit codes, the output flags, and the confirmation prompt. It holds no command.
package cli
