// Package cli runs every verb of kubectl canary against a real control plane, as scripts.
//
// Each file in testdata is one script, in the language of testscript (txtar): commands first, files
// after them. The scripts here have an agent; those in bare/testdata and setup/testdata have none, run
// one after another, and may install one. Package script has what they share: see there for the
// commands that are ours.
//
// Scripts about install, upgrade and uninstall belong into setup/testdata, those about eject and another
// controller into bare/testdata; all others here. The file has the name of the verb, and a transcript example.console for its page in
// docs/commands.
//
// What the cluster decides (hashes, times, names) is made the same by the command norm:
//
//	exec kubectl canary status app
//	norm stdout
//	cmp stdout status.golden
//
// go test ./cli -run TestScripts/status -update rewrites the files that cmp compares with, and the
// transcripts that the command example runs. The latter are what docs/commands shows as examples.
package cli
