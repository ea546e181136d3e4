package hook

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

//go:embed scripts
var scripts embed.FS

// Shells are the shells that have a hook.
var Shells = []string{"bash", "zsh", "fish", "nu"}

// Direnv is the name under which Script has the function for direnv. What it evaluates is bash.
const Direnv = "direnv"

// gostoreWord stands for the path of gostore in the scripts, as a literal word of the shell.
const gostoreWord = "{gostore}"

// Script returns what a shell of Shells, or direnv, reads to have the hook; program is the path of gostore. It is "" for
// another shell.
func Script(shell, program string) string {
	text, err := scripts.ReadFile("scripts/hook." + shell)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(text), gostoreWord, quote(shell, program))
}

// Result is what a shell has to do after its hook ran.
type Result struct {
	Changes []Change // of exported variables
	Watch   Watch
}

// Watch is what would be a reason to run the hook again, beside another directory and other project files.
type Watch struct {
	Present []string // paths that are there, and may vanish
	Absent  []string // paths that are not, and may appear
}

// Code returns r as a shell of Shells reads it: for nu a JSON value, for the others lines for eval.
//
// For direnv the lines are plain exports.
func (r Result) Code(shell string) string {
	switch shell {
	case "nu":
		return r.json()
	case Direnv:
		return lines(shell, r.Changes, "export %[1]s=%[2]s\n", "unset -v %s\n")
	}
	code := lines(shell, r.Changes, "_gostore_put %s %s\n", "_gostore_drop %s\n")
	var words []string
	for _, word := range r.Watch.words() {
		words = append(words, quote(shell, word))
	}
	if shell == "fish" {
		return code + "set -g _gostore_watch " + strings.Join(words, " ") + "\n"
	}
	return code + "_gostore_watch=(" + strings.Join(append(words, "''"), " ") + ")\n"
}

// lines returns a line for each change: put for a name and its quoted value, drop for a name.
func lines(shell string, changes []Change, put, drop string) string {
	var b strings.Builder
	for _, c := range changes {
		if c.After.Set {
			fmt.Fprintf(&b, put, c.Name, quote(shell, c.After.Text))
		} else {
			fmt.Fprintf(&b, drop, c.Name)
		}
	}
	return b.String()
}

func (w Watch) words() []string {
	var words []string
	for _, path := range w.Present {
		words = append(words, "+"+path)
	}
	for _, path := range w.Absent {
		words = append(words, "-"+path)
	}
	return words
}

// json leaves out values that are not UTF-8, which nu cannot have.
func (r Result) json() string {
	answer := struct {
		Put   map[string]string `json:"put"`
		Drop  []string          `json:"drop"`
		Watch []string          `json:"watch"`
	}{map[string]string{}, []string{}, append([]string{}, r.Watch.words()...)}
	for _, c := range r.Changes {
		switch {
		case !c.After.Set:
			answer.Drop = append(answer.Drop, c.Name)
		case utf8.ValidString(c.After.Text):
			answer.Put[c.Name] = c.After.Text
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

// quote returns s as one literal word of a shell.
func quote(shell, s string) string {
	switch shell {
	case "fish":
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	case "nu":
		return quoteNu(s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func quoteNu(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Known reports whether shell has a hook.
func Known(shell string) bool { return slices.Contains(Shells, shell) }
