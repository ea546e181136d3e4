package goproxy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gostore/internal/command"
	"gostore/internal/goenv"
)

// ProxyFromEnvironment finds the list of module proxies that the go command would use, and
// says where it is stated: GOPROXY, the user's go env file, or what the go command on PATH
// was built or configured with. getenv returns the variables; those read are GOPROXY, GOENV,
// HOME, XDG_CONFIG_HOME and PATH. Without any list the error is a *NoProxyError.
func ProxyFromEnvironment(ctx context.Context, getenv func(string) string) (value, origin string, err error) {
	if v := getenv("GOPROXY"); v != "" {
		return v, "environment variable GOPROXY", nil
	}
	if file := goenv.Path(runtime.GOOS, getenv); file != "" {
		v, err := readGoEnv(file, "GOPROXY")
		if err != nil && !os.IsNotExist(err) {
			return "", "", fmt.Errorf("looking for GOPROXY: %w", err)
		}
		if v != "" {
			return v, "file " + file, nil
		}
	}
	gocmd := findGo(getenv("PATH"))
	if gocmd == "" {
		return "", "", &NoProxyError{}
	}
	if real, err := filepath.EvalSymlinks(gocmd); err == nil { // else running it tells
		file := filepath.Join(filepath.Dir(filepath.Dir(real)), "go.env")
		if v, err := readGoEnv(file, "GOPROXY"); err == nil && v != "" { // since Go 1.21, and 10 ms faster than running it
			return v, "file " + file, nil
		}
	}
	v, err := askGo(ctx, gocmd, getenv)
	if err != nil {
		return "", "", err
	}
	if v == "" {
		return "", "", &NoProxyError{}
	}
	return v, "go env GOPROXY of " + gocmd, nil
}

// GoEnv returns a variable of Go, and "" where nothing states it: the environment does, or the user's go env file. getenv
// returns the variables of the environment. A file that cannot be read states nothing.
func GoEnv(getenv func(string) string, name string) string {
	if v := getenv(name); v != "" {
		return v
	}
	v, _ := readGoEnv(goenv.Path(runtime.GOOS, getenv), name) // best effort: the default remains
	return v
}

// readGoEnv returns the value of a variable in a go env file, "" where that does not set it.
func readGoEnv(file, name string) (string, error) {
	f, err := goenv.Read(file)
	line, _ := f.Get(name)
	return line.Value, err
}

// findGo returns the go command on path, "" when there is none.
func findGo(path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) { // a project's own directory does not choose the proxy
			continue
		}
		file := filepath.Join(dir, "go")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// askGo runs a go command, away from any project that could make it download another one.
func askGo(ctx context.Context, gocmd string, getenv func(string) string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // it answers in 0.02 s
	defer cancel()
	environ := []string{"GOTOOLCHAIN=local", "GOWORK=off", "GO111MODULE=on", "GOFLAGS=", "GOENV=off"}
	for _, name := range []string{"PATH", "HOME"} {
		environ = append(environ, name+"="+getenv(name))
	}
	out, _, err := command.Run(ctx, command.Program{Argv: []string{gocmd, "env", "GOPROXY"}, Dir: "/", Environ: environ})
	if err != nil {
		return "", fmt.Errorf("looking for GOPROXY: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
