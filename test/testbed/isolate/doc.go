// Package isolate moves the current program into namespaces of its own.
//
// A test cluster needs pod and service addresses that are real: the API server
// refuses loopback addresses as endpoints, and two test binaries must be able to
// use the same ports at the same time. A private network namespace in which
// 10.244.0.0/16 and 10.96.0.0/16 are local gives both, without root and without
// Docker. A private pid namespace gives the third thing a test cluster needs:
// when the program ends, for whatever reason, the kernel ends everything it
// started.
//
// Three processes of the same executable take part:
//
//   - the outer process, which the user started. It makes the namespaces, holds
//     the run directory and listens on 127.0.0.1 for people outside. It does
//     nothing else and exits with the code of the inner process.
//   - init, process 1 of the new pid namespace. It prepares mounts and network,
//     starts the inner process and reaps orphans. It is separate from the inner
//     process because a reaper that waits for "any child" would steal the exit
//     status that os/exec waits for.
//   - the inner process, which runs the program proper with the same arguments,
//     standard streams and terminal.
//
// If the outer process is killed, the kernel kills init (parent-death signal,
// with the control socket as a second line) and with it the whole pid namespace.
package isolate
