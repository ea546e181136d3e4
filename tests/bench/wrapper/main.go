// Wrapper is the least that a shim in Go can be: it becomes the program that its first argument names. The benchmarks compare with it.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	fmt.Fprintln(os.Stderr, "wrapper:", err)
	os.Exit(1)
}
