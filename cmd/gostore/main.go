// Gostore keeps exact toolchains per project in a content-addressed store. "gostore --help" says how to use it.
package main

import (
	"os"
	"runtime/debug"

	"gostore/cmd"
)

// memoryLimit is how much memory the collector lets the program have before it works harder, in bytes. Unpacking an archive
// that needs a large window would otherwise leave several of them behind; below 250 MB is what is promised.
const memoryLimit = 200 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	os.Exit(cmd.Main())
}
