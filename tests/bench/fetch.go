package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// fetchToolchains fills a module cache with the given Go toolchains for this platform and returns the part of
// it that is laid out as a module proxy. What is there already is not fetched again.
func fetchToolchains(ctx context.Context, cache string, versions []string) (proxy string, err error) {
	proxy = filepath.Join(cache, "cache", "download")
	for _, v := range versions {
		module := fmt.Sprintf("golang.org/toolchain@v0.0.1-%s.%s-%s", v, runtime.GOOS, runtime.GOARCH)
		cmd := exec.CommandContext(ctx, "go", "mod", "download", module)
		cmd.Env = append(os.Environ(), "GOMODCACHE="+cache, "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local")
		if err := must(cmd); err != nil {
			return "", err
		}
	}
	return proxy, nil
}
