// Package binaries builds the programs a test cluster consists of, from pinned
// Go modules, with nothing but the go command.
//
// Each set of programs has a nested module under testbed/bin with its own go.mod
// and go.sum, because their dependencies contradict each other and must stay out
// of the product's. A built program is cached under a directory named by a hash
// of everything that determines it, so that a changed pin builds anew and an
// unchanged one never touches the network again.
package binaries
