//go:build linux && !amd64

package tests

import (
	"errors"
	"syscall"
)

const canChangeSyscalls = false

type registers struct{}

func (*registers) skip(syscall.Errno) {}
func (*registers) shorten(uint64)     {}

func changeRegisters(int, func(*registers)) error { return errors.ErrUnsupported }
