package environment

import (
	_ "embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Start files of interactive shells. A user's own start files often put directories in front
// of PATH or set GOROOT; these run them first and then put the environment first again. They
// change nothing else: no prompt, no alias, no option.
//
// They find the environment by GOSTORE_ENVIRONMENT, which Apply sets, and not by where they lie:
// so PATH names the directory by which the environment was entered, which may be a
// profile's link.
var (
	//go:embed shell/bashrc
	bashrc string
	//go:embed shell/zsh/.zshenv
	zshenv string
	//go:embed shell/zsh/.zshrc
	zshrc string
	//go:embed shell/path.sh
	pathSh string
	//go:embed shell/path.fish
	pathFish string
)

// varZDotDir carries the user's own ZDOTDIR past the one that leads zsh to our start files.
const varZDotDir = "GOSTORE_ZDOTDIR"

// varOverlay carries settings, as commands of the shell that is started, past the user's start files. Ours execute and remove it.
const varOverlay = "GOSTORE_OVERLAY"

// Interactive returns the command line of an interactive shell that keeps the environment
// in dir first on PATH after the user's start files, and the variables for it. shell is the
// shell's path, as $SHELL has it ("" for /bin/sh); environ is what Apply returned for dir with over.
// bash, zsh and fish are known; another shell is started as it is, so there the user's start
// files have the last word.
func Interactive(dir, shell string, environ []string, over ...Setting) (argv, env []string) {
	if shell == "" {
		shell = "/bin/sh"
	}
	environ = overlay(filepath.Base(shell), environ, over)
	switch filepath.Base(shell) {
	case "bash":
		return []string{shell, "--rcfile", filepath.Join(dir, "shell/bashrc")}, environ
	case "zsh":
		set := map[string]string{"ZDOTDIR": filepath.Join(dir, "shell/zsh")}
		for _, kv := range environ {
			// An empty ZDOTDIR means the root directory to zsh; hand it on as it is.
			if value, ok := strings.CutPrefix(kv, "ZDOTDIR="); ok {
				set[varZDotDir] = value
			}
		}
		drop := map[string]bool{varZDotDir: true}
		return []string{shell}, merge(environ, set, drop)
	case "fish":
		return []string{shell, "--init-command", `source "$GOSTORE_ENVIRONMENT/shell/env.fish"`}, environ
	}
	return []string{shell}, environ
}

// overlay returns environ with over in varOverlay for a shell whose start files know it, and without an inherited one.
func overlay(shell string, environ []string, over []Setting) []string {
	set := map[string]string{}
	switch {
	case len(over) == 0:
	case shell == "bash" || shell == "zsh":
		set[varOverlay] = ScriptSh(over)
	case shell == "fish":
		set[varOverlay] = ScriptFish(over)
	}
	return merge(environ, set, map[string]bool{varOverlay: true})
}

// What the start files do with varOverlay.
const (
	overlaySh   = "if [ -n \"${GOSTORE_OVERLAY-}\" ]; then eval \"$GOSTORE_OVERLAY\"; fi\nunset GOSTORE_OVERLAY\n"
	overlayFish = "if set -q GOSTORE_OVERLAY\n    eval \"$GOSTORE_OVERLAY\"\n    set -e GOSTORE_OVERLAY\nend\n"
)

// startFiles returns the contents of the files in shell/, by path in the environment.
func (e Environment) startFiles() map[string]string {
	var sh, fish strings.Builder
	const head = "# The environment's variables and commands, once more after the user's start files.\n"
	sh.WriteString(head)
	fish.WriteString(head)
	set := make(map[string][2]string) // to words for sh and for fish
	unset := make(map[string]bool)
	for _, t := range e.Tools {
		for name, value := range t.Layout.Set {
			set[name] = [2]string{t.script(value, quoteSh), t.script(value, quoteFish)}
		}
		for _, name := range t.Layout.Unset {
			unset[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unset)) {
		fmt.Fprintf(&sh, "unset %s\n", name)
		fmt.Fprintf(&fish, fishUnset, name)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&sh, "export %s=%s\n", name, set[name][0])
		fmt.Fprintf(&fish, "set -gx %s %s\n", name, set[name][1])
	}
	return map[string]string{
		"shell/bashrc":      bashrc,
		"shell/zsh/.zshenv": zshenv,
		"shell/zsh/.zshrc":  zshrc,
		"shell/env.sh":      sh.String() + overlaySh + pathSh,
		"shell/env.fish":    fish.String() + overlayFish + pathFish,
	}
}

// fishUnset takes a variable away from this fish. A universal variable must not be erased: that would
// change all of the user's shells for good. It cannot be hidden either, so it is covered with an empty
// value, which programs commonly take for none.
const fishUnset = "set -e -g %[1]s\nset -q %[1]s; and set -gx %[1]s \"\"\n"

// ScriptSh returns the commands that make settings in a POSIX shell.
func ScriptSh(settings []Setting) string {
	var b strings.Builder
	for _, s := range settings {
		if s.Unset {
			fmt.Fprintf(&b, "unset %s\n", s.Name)
		} else {
			fmt.Fprintf(&b, "export %s=%s\n", s.Name, quoteSh(s.Value))
		}
	}
	return b.String()
}

// ScriptFish returns the commands that make settings in fish, which itself makes a list of PATH.
func ScriptFish(settings []Setting) string {
	var b strings.Builder
	for _, s := range settings {
		if s.Unset {
			fmt.Fprintf(&b, fishUnset, s.Name)
		} else {
			fmt.Fprintf(&b, "set -gx %s %s\n", s.Name, quoteFish(s.Value))
		}
	}
	return b.String()
}

// quoteSh returns s as one literal word of a POSIX shell.
func quoteSh(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// quoteFish returns s as one literal word of fish. Bytes that are not ASCII are written as what they are: in the C locale fish
// would take them for characters of Latin-1 where it reads them from a variable.
func quoteFish(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, c := range []byte(s) {
		switch {
		case c == '\'' || c == '\\':
			b.Write([]byte{'\\', c})
		case c >= 0x80:
			fmt.Fprintf(&b, `'\X%02x'`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
