//go:build !linux

package tests

func withoutSockets() { panic("this needs Linux") }
