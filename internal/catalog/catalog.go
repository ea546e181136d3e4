// Package catalog keeps which versions a tool has, as upstream listed them the last time that somebody asked.
//
// It is there for completions, which have no time for the network: a shell waits for them while a person holds
// the Tab key. Nothing else is decided by it, and nothing is fetched for it.
//
// A list is a text file, one for each tool: a first line with the tool's name, then a version a line, in no order that
// counts. It is whole or absent whenever it is read. One that cannot be understood, or that is another tool's, is an
// empty list. Two processes that change a list at once may lose what one of them added; the next listing has it again. The whole
// directory can be removed at any time.
package catalog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/durable"
	"gostore/internal/release"
)

// limit bounds what is read of a list. The longest known one, of an npm package with 4,000 versions, has 50 kB.
const limit = 1 << 20

// Catalog is the lists in a directory.
type Catalog struct {
	Dir string // made by the first list that is written
}

// Versions returns the versions that are known of a tool, nil where nothing is. tool is a request's Name: with its source where
// that was written out.
func (c Catalog) Versions(tool string) []string {
	f, err := os.Open(c.path(tool))
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil
	}
	return parse(tool, string(data))
}

// Replace makes versions the list of a tool. Where they are that already nothing is written.
func (c Catalog) Replace(tool string, versions []string) error {
	versions = slices.Clone(versions)
	slices.Sort(versions)
	versions = slices.Compact(versions)
	if slices.Equal(versions, c.Versions(tool)) {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("keeping the versions of %s: %w", tool, err)
	}
	if err := durable.WriteFile(c.path(tool), []byte(format(tool, versions)), 0o644); err != nil {
		return fmt.Errorf("keeping the versions of %s: %w", tool, err)
	}
	return nil
}

// Add adds a version to the list of a tool.
func (c Catalog) Add(tool, version string) error {
	return c.Replace(tool, append(c.Versions(tool), version))
}

// path returns the file of a tool's list. A name becomes one element of a path: it cannot begin with "." and "!"
// does not occur in it (release.CheckTool). Names that a file system does not distinguish share a file, which the first
// line makes harmless.
func (c Catalog) path(tool string) string {
	return filepath.Join(c.Dir, strings.ReplaceAll(tool, "/", "!"))
}

func format(tool string, versions []string) string {
	return strings.Join(append([]string{tool}, versions...), "\n") + "\n"
}

// parse reads a list. What is no version is left out.
func parse(tool, text string) []string {
	first, rest, _ := strings.Cut(text, "\n")
	if first != tool {
		return nil
	}
	var versions []string
	for line := range strings.Lines(rest) {
		version, whole := strings.CutSuffix(line, "\n")
		if whole && release.CheckVersion(version) == nil {
			versions = append(versions, version)
		}
	}
	return versions
}
