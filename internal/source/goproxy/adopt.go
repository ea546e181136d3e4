package goproxy

import (
	"context"
	"os"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// The functions below say what a toolchain's module zip and its tree have in common with a toolchain that came otherwise.

// left are the directories of a distribution that its module zip is without, by cmd/distpack of Go 1.21 and later and, for older
// versions, by the program of golang.org/x/build that made modules of them.
var left = map[string]bool{".github": true, "api": true, "doc": true, "misc": true, "test": true}

// InZip reports whether the module zip has the file of a distribution that has this path.
func InZip(path string) bool {
	top, _, below := strings.Cut(path, "/")
	return !below || !left[top]
}

// Executable reports whether a file of a toolchain's tree is executable.
func Executable(path string) bool { return executable(path) }

// ParseModule returns the version and the platform of a toolchain, given its module version as Module writes it.
func ParseModule(module string) (goVersion string, p release.Platform, ok bool) {
	v, ok := strings.CutPrefix(module, modulePath+"@")
	if !ok {
		return "", release.Platform{}, false
	}
	return parseModuleVersion(v)
}

// HashZip returns the h1 of a toolchain's module zip, which it holds to all the rules that Unpack has.
func HashZip(ctx context.Context, goVersion string, p release.Platform, file string) (d digest.Archive, err error) {
	err = withZip(file, func(f *os.File, size int64) error {
		d, err = moduleZip(goVersion, p).Hash(ctx, f, size)
		return err
	})
	return d, err
}
