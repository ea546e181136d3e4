package variables

import (
	"slices"

	"gostore/internal/goenv"
)

// What package goenv knows, under the names by which this package's callers have it.
type File = goenv.File

// ParseFile is goenv.Parse.
func ParseFile(path string, data []byte) File { return goenv.Parse(path, data) }

// Without is goenv.Without.
func Without(data []byte, names []string) []byte { return goenv.Without(data, names) }

// GoEnvPath is goenv.Path for a go command that sees environ.
func GoEnvPath(goos string, environ []string) string {
	values := asMap(environ)
	return goenv.Path(goos, func(name string) string { return values[name] })
}

// Returning returns those of names, sorted, that would come back through a go env file although applied, the variables of an
// environment, does not set them or sets them to nothing.
func Returning(f goenv.File, applied []string, names []string) []string {
	values := asMap(applied)
	var back []string
	for _, name := range names {
		if _, ok := f.Get(name); ok && values[name] == "" && !processOnly()[name] {
			back = append(back, name)
		}
	}
	slices.Sort(back)
	return slices.Compact(back)
}
