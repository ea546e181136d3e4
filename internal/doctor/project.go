package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"gostore/internal/textfile"
)

var projectProbe = Probe{
	Name: "project", About: "the project's lock, and whether its tools are installed",
	Kinds: []Kind{
		{"lock-unreadable", "the lock cannot be read or understood"},
		{"tools-absent", "tools are locked that are not installed here"},
		{"configuration-unusable", "a file or a variable of gostore's configuration is wrong"},
	},
	run: func(_ context.Context, h *Host) []Finding {
		var found []Finding
		if h.ConfigErr != nil {
			found = append(found, Finding{
				ID: "configuration-unusable", Severity: Problem, Subject: "configuration", Evidence: lines(h.ConfigErr),
				Title: "gostore's configuration cannot be used", Mend: openPlaces(h.ConfigErr),
			})
		}
		if h.Project.Err != nil {
			found = append(found, Finding{
				ID: "lock-unreadable", Severity: Problem, Subject: cmp.Or(h.Project.Lock, h.Dir), Evidence: lines(h.Project.Err),
				Title: "the project's lock cannot be used", Mend: append(openPlaces(h.Project.Err), "gostore lock"),
			})
		}
		if len(h.Project.Missing) > 0 {
			found = append(found, Finding{
				ID: "tools-absent", Severity: Note, Subject: h.Project.Lock,
				Title:    fmt.Sprintf("%d of the tools that %s says are not installed here", len(h.Project.Missing), h.short(h.Project.Lock)),
				Evidence: few(h.Project.Missing), Mend: []string{"gostore install"},
			})
		}
		return found
	},
}

// lines returns what an error says, a line each.
func lines(err error) []string { return few(strings.Split(err.Error(), "\n")) }

// openPlaces returns the command that opens the first file in which an error is.
func openPlaces(err error) []string {
	var syntax *textfile.Error
	if !errors.As(err, &syntax) || syntax.File == "" {
		return nil
	}
	return []string{edit(syntax.File, max(syntax.Line, 1))}
}
