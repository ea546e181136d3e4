// Package gomodule makes tools of Go modules: it builds the program of a package, such as golang.org/x/tools/gopls, with a
// Go toolchain that is locked as well.
//
// A release is a version of the module that has the package. Its parts are that module and all others that the program is
// made of on any of its platforms, as a go.sum has them: the part MODULE@VERSION is the h1 digest of a module's zip,
// MODULE@VERSION/go.mod that of its go.mod alone. From names the package: PACKAGE@VERSION.
//
// What it promises:
//   - every module stands in the Go checksum database, when it is resolved and again when it is downloaded, and has the
//     locked digest; what the user's environment says about that (GONOSUMDB, GOFLAGS, GOSUMDB, GOINSECURE, GOPRIVATE) is
//     not heard. Only a release with the flag "unlogged" is not looked up there;
//   - the build sees the locked modules and nothing else: it reads them from a directory into which they were put one by one
//     after their digests were compared, and no network;
//   - the program is a function of the release: the environment is made from nothing, HOME and all caches are the build's own,
//     and no path of this machine gets into it. With the flag "cgo", the C compiler of this machine has its part in it, too;
//   - the program says that it was made of the locked modules (package debug/buildinfo), or it is refused;
//   - no process outlives the call that started it.
//
// It does not promise that a package can be built for every platform that it is locked for: that is known when it was tried. It
// runs no version control programs: modules come from module proxies, so "direct" in GOPROXY counts only where it stands alone.
package gomodule

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"

	"gostore/internal/definition"
	"gostore/internal/release"
)

// Flags that a release may have.
const (
	flagCgo      = "cgo"      // built with the C compiler that is on PATH
	flagUnlogged = "unlogged" // the checksum database does not know the modules: they are private
)

// oldest is the oldest Go that can build: the first that knows GOTOOLCHAIN.
const oldest = "1.21"

// Toolchain is a Go toolchain on this machine.
type Toolchain struct {
	Version string // such as 1.26.10
	Dir     string // its GOROOT
}

// Config says what a Source works with.
type Config struct {
	// Toolchain returns the Go toolchain that is to build what is resolved now: one that is at least the given version
	// (such as 1.25) where there is a choice. It may be older: then Resolve fails with a *ToolchainError.
	// release is called when it is not needed any more.
	Toolchain func(ctx context.Context, atLeast string) (t Toolchain, release func(), err error)

	// Exactly returns the toolchain of a version that a release was locked with.
	Exactly func(ctx context.Context, version string) (t Toolchain, release func(), err error)

	// Find returns a tool's definition; its Module is the package to build. A tool without one is the path of
	// its package. May be nil.
	Find func(tool string) (definition.Definition, bool)

	// Flags returns what was asked for a tool that is resolved: "cgo", "unlogged". May be nil.
	Flags func(tool string) []string

	// Proxies returns the list of module proxies, as in GOPROXY. It is asked when something has to be downloaded.
	Proxies func(ctx context.Context) (string, error)

	// Environ is the user's environment, NAME=VALUE each. Of it are used: for downloads the variables that name
	// proxies, certificates, NETRC and HOME, as a place for .netrc; for builds with cgo PATH.
	Environ []string

	SumDB     string // checksum database, as in GOSUMDB: its name or key, then perhaps its URL; "" is Go's
	TreeHeads string // where package goproxy keeps the tree heads of databases, so that forks since are noticed; may be ""
	Offline   bool   // nothing is downloaded

	// Temp returns the directory in which Resolve works; what it downloads stays there, for Fetch. It is asked once, when something has to be
	// downloaded. nil is the system's, where nothing stays.
	Temp func() (string, error)
}

// Source builds tools. It is safe for concurrent use.
type Source struct {
	config Config
	temp   func() (string, error)
}

// New returns a Source. It reads nothing.
func New(c Config) *Source {
	if c.SumDB == "" {
		c.SumDB = "sum.golang.org" // the name that stands for its key in every go command
	}
	if c.Temp == nil {
		c.Temp = func() (string, error) { return "", nil }
	}
	return &Source{c, sync.OnceValues(c.Temp)}
}

// Name returns "gomodule", which stands in locks.
func (s *Source) Name() string { return "gomodule" }

// Layout returns how a release presents itself: all of its directory bin goes on PATH, which is one command, named as go install does.
func (s *Source) Layout(release.Release) release.Layout { return release.Layout{Dirs: []string{"bin"}} }

// packagePath returns the package that a tool is built from.
func (s *Source) packagePath(tool string) (string, error) {
	pkg := tool
	if s.config.Find != nil {
		if d, ok := s.config.Find(tool); ok && d.Module != "" {
			pkg = d.Module
		}
	}
	domain, _, _ := strings.Cut(pkg, "/")
	if module.CheckImportPath(pkg) != nil || !strings.Contains(domain, ".") {
		return "", &release.NotFoundError{Tool: tool}
	}
	return pkg, nil
}

// flags returns the flags that were asked for, sorted.
func (s *Source) flags(tool string) ([]string, error) {
	if s.config.Flags == nil {
		return nil, nil
	}
	flags := slices.Sorted(slices.Values(s.config.Flags(tool)))
	for _, f := range flags {
		if f != flagCgo && f != flagUnlogged {
			return nil, fmt.Errorf("building %q: flag %q is not known; there are %q and %q", tool, f, flagCgo, flagUnlogged)
		}
	}
	return slices.Compact(flags), nil
}

// program returns the name of the command that go install makes of a package: its last element, or the one before where
// the last is a major version.
func program(pkg string) string {
	dir, name := path.Split(pkg)
	if digits, ok := strings.CutPrefix(name, "v"); ok && dir != "" && digits > "1" && strings.Trim(digits, "0123456789") == "" {
		return path.Base(dir)
	}
	return name
}
