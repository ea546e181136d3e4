//go:build !linux

package tests

// inMemory is of use on Linux only.
func inMemory() (remove func()) { return func() {} }
