// Package startfile reads the files that shells run when they start, as far as is needed to say where a variable is set, where a directory is put
// on PATH, and from which line on only interactive shells read.
//
// It reads them as text, line by line, and runs nothing: what a file does in a branch, a function or a file that it sources is not known.
// So what is found is evidence that a person can look at, with file and line, and not a proof; what a shell really does
// is found out by starting it.
package startfile

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxSize bounds a start file.
const maxSize = 1 << 20

// File is a start file.
type File struct {
	Path  string
	Lines []string // without ends of line; Lines[0] is line 1

	Assignments []Assignment
	// Guard is the line from which on shells that are not interactive read no more, 0 where there is none.
	Guard int
}

// Assignment is a line that gives a variable a value.
type Assignment struct {
	Line  int
	Name  string
	Value string // as it is written, without quotes around it
}

// Paths returns the files that the shells of a user read, whether they are there or not: those in the home directory and in
// the system's /etc, which etc stands for. getenv returns ZDOTDIR, XDG_CONFIG_HOME.
func Paths(home, etc string, getenv func(string) string) []string {
	var list []string
	config := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	zsh := getenv("ZDOTDIR")
	if !filepath.IsAbs(zsh) {
		zsh = home
	}
	for _, name := range []string{".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_aliases", ".pam_environment", ".xprofile"} {
		list = append(list, filepath.Join(home, name))
	}
	for _, name := range []string{".zshenv", ".zprofile", ".zshrc", ".zlogin"} {
		list = append(list, filepath.Join(zsh, name))
	}
	list = append(list, filepath.Join(config, "fish", "config.fish"), filepath.Join(config, "nushell", "env.nu"), filepath.Join(config, "nushell", "config.nu"))
	for _, name := range []string{"environment", "profile", "bash.bashrc", "bashrc", "zshenv", "zsh/zshenv", "zsh/zshrc", "fish/config.fish"} {
		list = append(list, filepath.Join(etc, name))
	}
	for _, pattern := range []string{
		filepath.Join(config, "fish/conf.d/*.fish"), filepath.Join(config, "environment.d/*.conf"), filepath.Join(etc, "profile.d/*.sh"),
	} {
		found, _ := filepath.Glob(pattern) // a home whose name is a pattern has none
		list = append(list, found...)
	}
	return list
}

// ReadAll reads the files that can be read; the others, and what is not a file or too large, say nothing.
func ReadAll(paths []string) []File {
	var list []File
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxSize {
			continue
		}
		if data, err := os.ReadFile(path); err == nil {
			list = append(list, Parse(path, data))
		}
	}
	return list
}

// Parse reads the text of a start file, whatever it is.
func Parse(path string, data []byte) File {
	f := File{Path: path, Lines: strings.Split(string(data), "\n")}
	fish := strings.HasSuffix(path, ".fish")
	for i, line := range f.Lines {
		code := withoutComment(line)
		if f.Guard == 0 && guards(f.Lines, i) {
			f.Guard = i + 1
		}
		for _, a := range assignments(code, fish) {
			a.Line = i + 1
			f.Assignments = append(f.Assignments, a)
		}
	}
	return f
}

// Set returns the assignments of a variable.
func (f File) Set(name string) []Assignment {
	var list []Assignment
	for _, a := range f.Assignments {
		if a.Name == name {
			list = append(list, a)
		}
	}
	return list
}

// Mention is a line of a start file.
type Mention struct {
	Line int
	Text string
}

// Mentions returns the lines, without comments, in which one of the words stands.
func (f File) Mentions(words ...string) []Mention {
	var list []Mention
	for i, line := range f.Lines {
		code := withoutComment(line)
		if slices.ContainsFunc(words, func(w string) bool { return w != "" && strings.Contains(code, w) }) {
			list = append(list, Mention{i + 1, strings.TrimSpace(code)})
		}
	}
	return list
}

// Guarded reports whether only interactive shells come to a line.
func (f File) Guarded(line int) bool { return f.Guard > 0 && line > f.Guard }

// interactiveTest is how a file asks whether its shell is interactive.
var interactiveTest = regexp.MustCompile(`\$\{?PS1|\$-|-o\s+interactive|status\s+(--)?is-interactive`)

// leaving is how it stops.
var leaving = regexp.MustCompile(`\b(return|exit)\b`)

// guardReach is how many lines after the question the answer may stand: case $- in *i*) ;; *) return ;; esac is often four.
const guardReach = 4

// guards reports whether the file ends at line i for shells that are not interactive.
func guards(lines []string, i int) bool {
	code := withoutComment(lines[i])
	at := interactiveTest.FindStringIndex(code)
	if at == nil || strings.Contains(code, "PS1=") {
		return false
	}
	if leaving.MatchString(code[at[1]:]) {
		return true
	}
	opens := regexp.MustCompile(`^\s*(if|case)\b`).MatchString(code)
	if !opens {
		return false
	}
	for _, line := range lines[i+1 : min(len(lines), i+1+guardReach)] {
		code := withoutComment(line)
		if leaving.MatchString(code) {
			return true
		}
		if regexp.MustCompile(`^\s*(fi|esac|end|else)\b`).MatchString(code) {
			return false
		}
	}
	return false
}

var (
	posix = regexp.MustCompile(`(?:^|[;&|]|\b(?:export|declare|typeset|local|readonly|env|then|do|else)\b(?:\s+-[A-Za-z]+)*)\s*([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|[^\s;&|]*)`)
	more  = regexp.MustCompile(`\s([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|[^\s;&|]*)`)
	csh   = regexp.MustCompile(`(?:^|[;&])\s*setenv\s+([A-Za-z_][A-Za-z0-9_]*)\s+("[^"]*"|'[^']*'|[^\s;]+)`)
	fish  = regexp.MustCompile(`(?:^|[;&]|\b(?:and|or|begin)\b)\s*set\s+((?:-[-A-Za-z]+\s+)*)([A-Za-z_][A-Za-z0-9_]*)\s+("[^"]*"|'[^']*'|[^\s;]+)`)
	nu    = regexp.MustCompile(`^\s*\$env\.([A-Za-z_][A-Za-z0-9_]*)\s*=\s*("[^"]*"|'[^']*'|\S+)`)
)

// assignments returns what a line of code gives values to. Of a fish file only exported variables count.
func assignments(code string, isFish bool) []Assignment {
	var list []Assignment
	add := func(name, value string) {
		list = append(list, Assignment{Name: name, Value: unquote(value)})
	}
	if isFish {
		for _, m := range fish.FindAllStringSubmatch(code, -1) {
			exported := slices.ContainsFunc(strings.Fields(m[1]), func(flag string) bool {
				return flag == "--export" || !strings.HasPrefix(flag, "--") && strings.Contains(flag, "x")
			})
			if exported {
				add(m[2], m[3])
			}
		}
		return list
	}
	for _, pattern := range []*regexp.Regexp{csh, nu} {
		for _, m := range pattern.FindAllStringSubmatch(code, -1) {
			add(m[1], m[2])
		}
	}
	for _, at := range posix.FindAllStringSubmatchIndex(code, -1) {
		add(code[at[2]:at[3]], code[at[4]:at[5]])
		rest := code[at[5]:] // export A=1 B=2
		end := strings.IndexAny(rest, ";&|")
		if end < 0 {
			end = len(rest)
		}
		for _, m := range more.FindAllStringSubmatch(rest[:end], -1) {
			add(m[1], m[2])
		}
	}
	return list
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// withoutComment returns a line without its comment: a "#" at the beginning of a word, outside of quotes.
func withoutComment(line string) string {
	var quote rune
	previous := ' '
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case (r == '"' || r == '\'') && previous != '\\':
			quote = r
		case r == '#' && (previous == ' ' || previous == '\t' || previous == ';'):
			return line[:i]
		}
		previous = r
	}
	return line
}
