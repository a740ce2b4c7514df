package root

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/abort"
	"github.com/kubectl-canary/kubectl-canary/plugin/approve"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/completion"
	"github.com/kubectl-canary/kubectl-canary/plugin/create"
	"github.com/kubectl-canary/kubectl-canary/plugin/doctor"
	"github.com/kubectl-canary/kubectl-canary/plugin/eject"
	"github.com/kubectl-canary/kubectl-canary/plugin/events"
	"github.com/kubectl-canary/kubectl-canary/plugin/explain"
	"github.com/kubectl-canary/kubectl-canary/plugin/gate"
	"github.com/kubectl-canary/kubectl-canary/plugin/history"
	"github.com/kubectl-canary/kubectl-canary/plugin/install"
	"github.com/kubectl-canary/kubectl-canary/plugin/lint"
	"github.com/kubectl-canary/kubectl-canary/plugin/list"
	"github.com/kubectl-canary/kubectl-canary/plugin/logs"
	"github.com/kubectl-canary/kubectl-canary/plugin/pause"
	"github.com/kubectl-canary/kubectl-canary/plugin/promote"
	"github.com/kubectl-canary/kubectl-canary/plugin/reject"
	"github.com/kubectl-canary/kubectl-canary/plugin/resume"
	"github.com/kubectl-canary/kubectl-canary/plugin/retry"
	"github.com/kubectl-canary/kubectl-canary/plugin/rollback"
	"github.com/kubectl-canary/kubectl-canary/plugin/set"
	"github.com/kubectl-canary/kubectl-canary/plugin/status"
	"github.com/kubectl-canary/kubectl-canary/plugin/uninstall"
	"github.com/kubectl-canary/kubectl-canary/plugin/upgrade"
	"github.com/kubectl-canary/kubectl-canary/plugin/version"
	"github.com/kubectl-canary/kubectl-canary/plugin/wait"
	"github.com/kubectl-canary/kubectl-canary/plugin/watch"
)

// group is a part of the help text.
type group struct {
	id, title string
	verbs     []*cobra.Command
}

// groups are all verbs, in the order in which the help shows them: from looking, which is done most
// often, to setting up, which is done once.
func groups(deps cli.Deps) []group {
	return []group{
		{"look", "Look:", []*cobra.Command{
			list.NewListCmd(deps, nil), status.NewStatusCmd(deps, nil), watch.NewWatchCmd(deps, nil),
			explain.NewExplainCmd(deps, nil), wait.NewWaitCmd(deps, nil), history.NewHistoryCmd(deps, nil),
			events.NewEventsCmd(deps, nil), logs.NewLogsCmd(deps, nil),
		}},
		{"act", "Act on a release:", []*cobra.Command{
			set.NewSetCmd(deps), promote.NewPromoteCmd(deps, nil), abort.NewAbortCmd(deps, nil),
			pause.NewPauseCmd(deps, nil), resume.NewResumeCmd(deps, nil), retry.NewRetryCmd(deps, nil),
			rollback.NewRollbackCmd(deps, nil), approve.NewApproveCmd(deps, nil), reject.NewRejectCmd(deps, nil),
			gate.NewGateCmd(deps),
		}},
		{"write", "Write and check:", []*cobra.Command{
			create.NewCreateCmd(deps, nil), lint.NewLintCmd(deps, nil), doctor.NewDoctorCmd(deps, nil),
			eject.NewEjectCmd(deps, nil),
		}},
		{"setup", "Set up:", []*cobra.Command{
			install.NewInstallCmd(deps, nil), upgrade.NewUpgradeCmd(deps, nil), uninstall.NewUninstallCmd(deps, nil),
			completion.NewCompletionCmd(deps), version.NewVersionCmd(deps, nil),
		}},
	}
}
