//go:build !linux

package nodelet

import "syscall"

// PodInit does nothing: a Nodelet runs pods on Linux only.
func PodInit() {}

func processAttributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
