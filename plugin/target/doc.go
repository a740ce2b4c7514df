// Package target reads which revision the target of a canary has now, in the form in which the agent
// writes it into the status, so that the two can be compared: a status may still speak of the
// revision before.
package target
