package main

import (
	"bytes"
	"context"
	"fmt"
	"gostore/cmd"
	"os"
	"runtime/pprof"
	"time"
)

func main() {
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	t := time.Now()
	var out bytes.Buffer
	_ = context.Background()
	code := cmd.Run(context.Background(), cmd.Config{Args: os.Args[1:], Stdin: os.Stdin, Stdout: &out, Stderr: os.Stderr, Environ: os.Environ(), Dir: "/tmp"})
	fmt.Println(code, time.Since(t))
	pprof.StopCPUProfile()
	f.Close()
}
