package gomodule_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gostore/internal/release"
	"gostore/internal/source/gomodule"
)

// TestCancel runs a go command that starts children, which know nothing of signals that the terminal sends, and checks that all of them have
// ended when the call returns. All hold a pipe, so its end is the end of the last of them.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cancel", "leave"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			then := "wait"
			if name == "leave" {
				then = "exit 1" // with children that are still there
			}
			script := fmt.Sprintf("#!/bin/sh\ntrap '' INT TERM HUP\nexec 5>'%s'\n/bin/sleep 1000 & /bin/sh -c '/bin/sleep 1000 & wait' &\necho started >&5\n%s\n", pipe, then)
			if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "bin", "go"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			give := func(context.Context, string) (gomodule.Toolchain, func(), error) {
				return gomodule.Toolchain{Version: "1.26.0", Dir: dir}, func() {}, nil
			}
			s := gomodule.New(gomodule.Config{Toolchain: give, Temp: in(t.TempDir()),
				Proxies: func(context.Context) (string, error) { return "http://127.0.0.1:1", nil }})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			failed := make(chan error, 1)
			go func() {
				_, err := s.Resolve(ctx, release.Request{Tool: "example.com/tool", Version: "v1"}, nil)
				failed <- err
			}()
			f, err := os.Open(pipe)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines := bufio.NewReader(f)
			if line, err := lines.ReadString('\n'); line != "started\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if name == "cancel" {
				cancel()
			}
			err = <-failed
			if name == "cancel" && !errors.Is(err, context.Canceled) || err == nil {
				t.Errorf("error %v", err)
			}
			fd := int(f.Fd())
			if err := syscall.SetNonblock(fd, true); err != nil {
				t.Fatal(err)
			}
			if n, err := syscall.Read(fd, make([]byte, 1)); n != 0 || err != nil {
				t.Errorf("somebody still holds the pipe: read %d bytes, %v", n, err)
			}
		})
	}
}
