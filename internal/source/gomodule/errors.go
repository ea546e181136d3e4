package gomodule

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"gostore/internal/digest"
)

// RequestError says that a request for a version of a module is not one.
type RequestError struct{ Request string }

func (e *RequestError) Error() string {
	return fmt.Sprintf("module version %q: want a version (v1.2.3), the beginning of one (v1.2) or %q; branches and commits move", e.Request, "latest")
}

// ToolchainError says that a module needs a newer Go than there is to build it with.
type ToolchainError struct {
	What string // what needs it, in the go command's words where it found out
	Need string // version, such as 1.27.0
	Have string // version
}

func (e *ToolchainError) Error() string {
	return fmt.Sprintf("%s needs Go %s or newer, but is to be built with Go %s", e.What, e.Need, e.Have)
}

// DatabaseError says that the checksum database does not vouch for what was downloaded: it states another digest, or
// contradicts itself.
type DatabaseError struct {
	Database string   // its name
	Lines    []string // what the go command said
}

func (e *DatabaseError) Error() string {
	return fmt.Sprintf("checksum database %q: %s", e.Database, strings.Join(e.Lines, "\n\t"))
}

// UnloggedError says that the checksum database does not know a module.
type UnloggedError struct {
	Database, Module string
}

func (e *UnloggedError) Error() string {
	return fmt.Sprintf("%s is not in the checksum database %q: either the module is private, or the database cannot be asked for it", e.Module, e.Database)
}

// CommandError is a go command that failed.
type CommandError struct {
	Command string   // as one could type it
	Lines   []string // what it said, without what says nothing about the failure; at most maxLines
	Network bool     // it could not reach something
	Err     error    // how it ended
}

func (e *CommandError) Error() string {
	if len(e.Lines) == 0 {
		return fmt.Sprintf("running %q: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("running %q: %s", e.Command, strings.Join(e.Lines, "\n\t"))
}

// Unwrap returns how it ended.
func (e *CommandError) Unwrap() error { return e.Err }

// BuildError says that a program was built which is not the locked one. Its Err is a *digest.MismatchError.
type BuildError struct {
	Err   *digest.MismatchError
	Lines []string // what is known about the difference
}

func (e *BuildError) Error() string {
	return e.Err.Error() + "\n\t" + strings.Join(e.Lines, "\n\t")
}

// Unwrap returns the *digest.MismatchError.
func (e *BuildError) Unwrap() error { return e.Err }

// pattern compiles an expression when it is first needed: all of them together cost 0.1 ms, which no other command should pay.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

const (
	maxLines = 8
	maxLine  = 300 // characters
)

var (
	place   = pattern(`^\S+\.go:\d+:\d+: `)
	needsGo = pattern(`(\S+) requires go >= ([0-9][0-9a-z.]*)`)
	unknown = pattern(`(\S+@[^\s:]+): (?:verifying [^:]+: )?(?:\S+: )?reading \S+/lookup/\S+: (?:404|410)`)
	refuted = pattern(`SECURITY ERROR|checksum mismatch`)
	unclear = pattern(`(?m)verifying .*$`) // refuted as well, unless something could not be read
	network = pattern(`dial tcp|no such host|connection (?:refused|reset)|i/o timeout|TLS|x509:|unexpected EOF|: EOF|reading \S+: (?:403|429|5\d\d) `)
	absent  = pattern(`404 Not Found|410 Gone|no matching versions for query|unrecognized import path|malformed module path|` +
		`unknown revision|invalid version|module path must match|no such file or directory`)
	secrets = pattern(`(://)[^/@\s]+@`)
)

// relevant returns the lines of a go command's output that say why it failed, each reason once: of a package
// that is missing, the go command tells for every file that imports it.
func relevant(output string) []string {
	var lines []string
	seen := map[string]bool{}
	more := 0
	for line := range strings.Lines(output) {
		line = printable(strings.TrimRight(line, "\r\n"))
		reason := place().ReplaceAllString(line, "")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "go: downloading ") || seen[reason] {
			continue
		}
		seen[reason] = true
		if len(lines) == maxLines {
			more++
			continue
		}
		lines = append(lines, line)
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more lines", more))
	}
	return lines
}

// printable keeps what modules and servers wrote from controlling a terminal, and passwords from being shown.
func printable(s string) string {
	s = secrets().ReplaceAllString(strings.ToValidUTF8(s, ""), "$1")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxLine {
		return string(r[:maxLine]) + "…"
	}
	return s
}

// explain makes the error for a command that failed and said output.
func (c command) explain(ctx context.Context, output string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("running %q: %w", c, ctx.Err())
	}
	if m := needsGo().FindStringSubmatch(output); m != nil {
		return &ToolchainError{What: printable(strings.TrimSuffix(m[1], ":")), Need: m[2], Have: c.toolchain.Version}
	}
	lines := relevant(output)
	if c.database != "" {
		if m := unknown().FindStringSubmatch(output); m != nil {
			return &UnloggedError{Database: c.database, Module: printable(m[1])}
		}
		said := unclear().FindString(output)
		if refuted().MatchString(output) || said != "" && !strings.Contains(said, "reading ") && !network().MatchString(said) {
			return &DatabaseError{Database: c.database, Lines: lines}
		}
	}
	return &CommandError{Command: c.String(), Lines: lines, Network: network().MatchString(output), Err: err}
}
