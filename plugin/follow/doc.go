// Package follow waits for canaries: it reads the changes of one or many from one watch until each
// has reached a goal, or cannot any more. `status --watch` and `wait` are both this, so that they
// agree.
//
// A pipeline waits right after it has changed the target, and then the status may still speak of the
// revision before, as Succeeded. So unless told otherwise, the revision that is waited for is the one
// that the target has when the wait begins, and nothing is concluded before the status speaks of it.
package follow
