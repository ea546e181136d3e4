//go:build !linux

package tests

import "os/exec"

// withoutNetwork is for Linux only; elsewhere the bundle has to do with GOPROXY=off.
func withoutNetwork(cmd *exec.Cmd) *exec.Cmd { return cmd }
