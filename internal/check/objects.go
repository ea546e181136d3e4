package check

import (
	"errors"
	"fmt"
	"io/fs"

	"gostore/store"
)

// mostFaults bounds how many files of a damaged object are named.
const mostFaults = 10

// Installed is a locked tool and how its object was found: Err is what store.Verify said, fs.ErrNotExist where there is no object.
type Installed struct {
	Tool, Version string
	Line          int // of the lock
	Err           error
}

// Objects judges the objects of the tools that the lock at path has for this machine.
func Objects(path string, tools []Installed) []Finding {
	var found []Finding
	for _, t := range tools {
		at := Finding{Rule: RuleObjects, Severity: Error, File: path, Line: t.Line}
		var damaged *store.DamagedError
		switch {
		case t.Err == nil:
		case errors.As(t.Err, &damaged):
			at.Class, at.Mend = Integrity, "gostore verify says how to have it again"
			for i, f := range damaged.Faults {
				if i == mostFaults {
					at.Message = fmt.Sprintf("%s %s: %d more files are damaged", t.Tool, t.Version, len(damaged.Faults)-mostFaults)
					found = append(found, at)
					break
				}
				at.Message = fmt.Sprintf("%s %s: %s %s", t.Tool, t.Version, f.Path, f.Problem)
				found = append(found, at)
			}
		case errors.Is(t.Err, fs.ErrNotExist):
			at.Message, at.Mend = fmt.Sprintf("%s %s is not installed", t.Tool, t.Version), "gostore install"
			found = append(found, at)
		default:
			at.Message = fmt.Sprintf("%s %s cannot be verified: %v", t.Tool, t.Version, t.Err)
			found = append(found, at)
		}
	}
	return found
}
