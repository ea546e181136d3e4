package store

import "os"

// bootID names this start of the machine, "" where nothing tells. Containers have that of the machine.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return trimmed(string(id), err)
}
