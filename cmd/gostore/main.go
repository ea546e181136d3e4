// Gostore keeps exact toolchains per project in a content-addressed store. "gostore --help" says how to use it.
package main

import (
	"os"

	"gostore/cmd"
)

func main() { os.Exit(cmd.Main()) }
