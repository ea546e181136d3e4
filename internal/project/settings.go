package project

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

// settingsTables are the tables of gostore.toml that Settings are read from.
var settingsTables = []string{"env", "isolate", "check"}

// Settings are what gostore.toml says of how a project's tools are used, beside which they are:
//
//	[env]
//	GOFLAGS = "-mod=vendor"
//	CGO_ENABLED = 0                  # numbers as they are
//	GOBIN = "{project}/bin"          # {project} is the project's directory
//	GOEXPERIMENT = false             # not set, whatever is inherited
//
//	[isolate]
//	caches = true                    # GOCACHE, GOMODCACHE, GOPATH and GOBIN of the locked Go's own
//
//	[check]
//	run = ["go vet ./...", "gopls version"]   # lines for sh
//	limit = "30s"                             # how long each may take
type Settings struct {
	Env     []Variable // in the file's order
	Isolate Isolate
	Check   Check
}

// Isolate is what a project wants to have apart from its user's other work.
type Isolate struct {
	Caches bool // Go's caches, for each toolchain
	Line   int  // of gostore.toml that says so
}

// Variable is a variable of the project's [env].
type Variable struct {
	Name  string
	Value string // with {project} as it is written
	Unset bool   // it is not to be set at all
	Line  int    // of gostore.toml
}

// In returns v's value for a project in dir.
func (v Variable) In(dir string) string { return strings.ReplaceAll(v.Value, projectWord, dir) }

// projectWord stands for the project's directory in values.
const projectWord = "{project}"

// Check is what a project wants to see working before an environment with its tools becomes current.
type Check struct {
	Run   []string      // lines for sh
	Limit time.Duration // for each line; 0 where the file does not say
}

// Settings reads the settings of p; without a gostore.toml they are zero. What is wrong with the file is a
// textfile.ErrorList.
func (p Project) Settings() (Settings, error) {
	if p.Config == "" {
		return Settings{}, nil
	}
	return ReadSettings(p.Config)
}

// ReadSettings reads the settings in the gostore.toml at path; where there is none they are zero.
func ReadSettings(path string) (Settings, error) {
	data, err := textfile.Read(path, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	if err := textfile.Conflicts(path, data); err != nil {
		return Settings{}, err
	}
	d, err := textfile.ParseTOML(path, data)
	if err != nil {
		return Settings{}, err
	}
	return parseSettings(d), d.Err()
}

// parseSettings reads the settingsTables of a document. Complaints are the document's.
func parseSettings(d *textfile.Document) Settings {
	var s Settings
	if t := d.May(&d.Root, "env", textfile.Table); t != nil {
		for _, e := range t.Entries {
			s.Env = append(s.Env, parseVariable(d, e))
		}
	}
	if t := d.May(&d.Root, "isolate", textfile.Table); t != nil {
		s.Isolate = parseIsolate(d, t)
	}
	if t := d.May(&d.Root, "check", textfile.Table); t != nil {
		s.Check = parseCheck(d, t)
	}
	return s
}

// decided are variables that neither a project nor the command line can set, with the reason.
var decided = map[string]string{
	"PATH":        "commands come from tools: put them in [tools]",
	"GOROOT":      "the locked Go finds its own tree",
	"GOTOOLCHAIN": "the lock decides which Go runs",
}

// Taken returns why nobody can set a variable on top of an environment's tools, "" where it is free.
func Taken(name string) string {
	if strings.HasPrefix(name, "GOSTORE_") {
		return "such names are gostore's own"
	}
	return decided[name]
}

func parseVariable(d *textfile.Document, e textfile.Entry) Variable {
	switch reason := Taken(e.Key); {
	case !release.IsVariable(e.Key):
		d.Errorf(e.Offset, "%q cannot be the name of a variable: want letters, digits and \"_\"", e.Key)
	case reason != "":
		d.Errorf(e.Offset, "variable %s is not the project's to set: %s", e.Key, reason)
	}
	line, _ := d.Position(e.Offset)
	v := Variable{Name: e.Key, Line: line}
	switch {
	case e.Value.Kind == textfile.String || e.Value.Kind == textfile.Integer:
		v.Value = e.Value.Text
		if strings.ContainsRune(v.Value, 0) {
			d.Errorf(e.Value.Offset, "variable %s: a value cannot hold a zero byte", e.Key)
		}
	case e.Value.Kind == textfile.Boolean && e.Value.Text == "false":
		v.Unset = true
	default:
		d.Errorf(e.Value.Offset, "variable %s: want a string, an integer, or false for a variable that is not to be set", e.Key)
	}
	return v
}

func parseIsolate(d *textfile.Document, t *textfile.Value) Isolate {
	d.Only(t, "caches")
	v := d.May(t, "caches", textfile.Boolean)
	if v == nil {
		return Isolate{}
	}
	line, _ := d.Position(v.Offset)
	return Isolate{Caches: v.Text == "true", Line: line}
}

func parseCheck(d *textfile.Document, t *textfile.Value) Check {
	d.Only(t, "run", "limit")
	var c Check
	if list := d.May(t, "run", textfile.Array); list != nil {
		for i := range list.Items {
			v := d.Is(&list.Items[i], textfile.String, "run")
			if v == nil {
				continue
			}
			if strings.TrimSpace(v.Text) == "" || strings.ContainsRune(v.Text, 0) {
				d.Errorf(v.Offset, "\"run\" wants command lines; one is empty or holds a zero byte")
			}
			c.Run = append(c.Run, v.Text)
		}
	}
	if v := d.May(t, "limit", textfile.String); v != nil {
		limit, err := time.ParseDuration(v.Text)
		if err != nil || limit <= 0 {
			d.Errorf(t.Get("limit").Value.Offset, "limit %q: want a time such as \"30s\" or \"2m\"", v.Text)
		}
		c.Limit = limit
	}
	return c
}

// String returns how the variable is written, for messages.
func (v Variable) String() string {
	if v.Unset {
		return v.Name + " not set"
	}
	return fmt.Sprintf("%s=%s", v.Name, v.Value)
}
