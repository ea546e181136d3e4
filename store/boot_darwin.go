package store

import "golang.org/x/sys/unix"

// bootID names this start of the machine, "" where nothing tells.
func bootID() string { return trimmed(unix.Sysctl("kern.bootsessionuuid")) }
