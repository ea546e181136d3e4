package shim

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// Look returns the first program called name on path, a list as PATH has it, that is no shim: neither self, gostore's own program, by
// whatever name, link or hard link, nor anything in a directory of shims, nor one that was tried. dir is the working directory, "" when
// it is unknown; then relative entries are passed over. A name with a slash is none.
func Look(name, path, dir string, self fs.FileInfo, tried []string) (string, bool) {
	if strings.Contains(name, "/") {
		return "", false
	}
	for _, entry := range filepath.SplitList(path) {
		at := absolute(entry, dir)
		file := filepath.Join(at, name)
		if !filepath.IsAbs(at) || slices.Contains(tried, file) || Is(at) {
			continue
		}
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || self != nil && os.SameFile(info, self) {
			continue
		}
		if sys.Access(file, unix.X_OK) == nil {
			return file, true
		}
	}
	return "", false
}

// Without returns path without the directories of shims, and without the entries in which name is self, gostore's own program.
func Without(name, path string, self fs.FileInfo) string {
	entries := slices.DeleteFunc(filepath.SplitList(path), func(entry string) bool {
		info, err := os.Stat(filepath.Join(entry, name))
		return Is(entry) || err == nil && self != nil && os.SameFile(info, self)
	})
	return strings.Join(entries, string(filepath.ListSeparator))
}

// TrailVariable is the variable in which shims that find nothing better than the rest of PATH tell each other what they tried: two
// different gostores, or another manager's shim behind this one, could otherwise call each other for ever.
const TrailVariable = "GOSTORE_SHIM"

// maxDepth is how often a command may start itself through shims, each time as a new process: make does so for its directories. It
// is far below what exhausts a machine.
const maxDepth = 100

// Trail is what TrailVariable says: PID:DEPTH:PROGRAM:PROGRAM…
type Trail struct {
	Depth int      // how many processes of this command are between here and the first
	Tried []string // programs that this very process was already, absolute
}

// ParseTrail reads the trail for the process pid that is a shim of the command name. A trail of another command, or one
// that makes no sense, is none. Of another process only the depth counts: a program may well start itself again.
func ParseTrail(value string, pid int, name string) Trail {
	fields := strings.Split(value, ":")
	if len(fields) < 3 || filepath.Base(fields[len(fields)-1]) != name {
		return Trail{}
	}
	depth, err := strconv.Atoi(fields[1])
	if err != nil || depth < 0 {
		return Trail{}
	}
	depth = min(depth, maxDepth)
	if fields[0] == strconv.Itoa(pid) {
		return Trail{depth, fields[2:]}
	}
	return Trail{Depth: depth}
}

// Next returns the value of TrailVariable for the process pid that becomes program. It is not ok when that has gone on for too long.
func (t Trail) Next(pid int, program string) (value string, ok bool) {
	depth := t.Depth
	if len(t.Tried) == 0 {
		depth++ // the first of this process
	}
	fields := append([]string{strconv.Itoa(pid), strconv.Itoa(depth)}, t.Tried...)
	return strings.Join(append(fields, program), ":"), depth <= maxDepth
}
