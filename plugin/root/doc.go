// Package root puts the commands together and runs one. It is the whole of the program except for
// the process around it, so tests call Main as the shell would.
package root
