// Gostore keeps exact toolchains per project in a content-addressed store. "gostore --help" says how to use it.
package main

import (
	"os"
	"runtime/debug"

	"gostore/cmd"
)

// memoryLimit is how much memory the collector lets the program have before it works harder, in bytes. Unpacking an archive
// that needs a large window would otherwise leave several of them behind; below 250 MB is what is promised.
const memoryLimit = 180 << 20

// garbage is how much of it there may be below that limit, in percent of what is in use: a collection of the store reads thousands of
// names and descriptions and ends, and with the 100 that programs begin with it spent a fifth of its time on this.
const garbage = 400

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(cmd.Main())
}
