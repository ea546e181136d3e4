//go:build !linux

package tests

// beTracer does nothing: only on Linux programs are traced.
func beTracer() {}
