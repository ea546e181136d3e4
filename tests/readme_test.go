package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// TestReadme runs every command of the README's console blocks, in order, in one shell, with an empty home.
func TestReadme(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.environ = append(w.environ, "GOSTORE_ROOT=")
	commands := consoleCommands(t, filepath.Join("..", "README.md"))
	if len(commands) < 10 {
		t.Fatalf("the README has only the commands %q", commands)
	}
	script := "set -e\n"
	for _, c := range commands {
		script += "echo '$ " + strings.ReplaceAll(c, "'", `'\''`) + "'\n" + c + "\n"
	}
	out, err := w.command(script).CombinedOutput()
	if err != nil {
		t.Fatalf("the last of these failed: %v\n%s", err, out)
	}
	// What the text around them says.
	for command, want := range map[string]string{
		`gostore lock go@1.22`:                   `^go@1\.22 is 1\.22\.12, for 5 platforms`,
		`gostore shell -- go version`:            `(?m)^go version go1\.22\.12 `,
		`gostore shell -- sh -c 'command -v go'`: `^/.*/bin/go$`,
		`gostore lock --check`:                   `up to date`,
		`gostore shell go@1.21.13 -- go version`: `(?m)^go version go1\.21\.13 `,
		`gostore rollback`:                       `generation 1: go@1\.26\.8`,
		`gostore diff 1 2`:                       `^go 1\.26\.8 -> 1\.22\.6`,
		`gostore which go`:                       `-go-1\.22\.12/bin/go$`, // the project counts before the profile
		`gostore gc`:                             `(?m)^removed \d+ objects, `,
		`gostore verify`:                         `intact`,
	} {
		_, rest, found := strings.Cut("\n"+string(out), "\n$ "+command+"\n")
		rest, _, _ = strings.Cut(rest, "\n$ ")
		if !found || !regexp.MustCompile(want).MatchString(strings.TrimSpace(rest)) {
			t.Errorf("%s (found: %v): %q does not match\n%s", command, found, want, rest)
		}
	}
}

// consoleCommands returns the lines after "$ " in the console blocks of a document.
func consoleCommands(t *testing.T, path string) []string {
	t.Helper()
	var commands []string
	inside := false
	for line := range strings.Lines(document(t, path)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "```") {
			inside = line == "```console"
		}
		if command, ok := strings.CutPrefix(line, "$ "); ok && inside {
			commands = append(commands, command)
		}
	}
	return commands
}

func document(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// mention is a command with flags as documents write it, in backquotes or in a block.
var mention = regexp.MustCompile("(?m)(?:`|^    |^\\$ |\")gostore ([a-z][a-z-]*)([^`\"\n]*)")

// TestDocumentsMentionWhatExists compares the commands and flags that the documents name with the help.
func TestDocumentsMentionWhatExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	help := w.sh("gostore --help")
	known := commands(help)
	helps := map[string]string{} // by the words before --help
	helpOf := func(words string) string {
		if helps[words] == "" {
			helps[words] = w.sh("gostore " + words + " --help")
		}
		return helps[words]
	}
	mentioned := 0
	for _, path := range append(documents(t), "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "../gostore.lock.example") {
		for _, m := range mention.FindAllStringSubmatch(document(t, path), -1) {
			mentioned++
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: %q: no such command", path, m[0])
				continue
			}
			own, _, _ := strings.Cut(m[2], " -- ") // the rest is another program's
			about := helpOf(m[1])
			if words := strings.Fields(own); len(words) > 0 && slices.Contains(commands(about), words[0]) {
				about = helpOf(m[1] + " " + words[0])
			}
			for _, flag := range regexp.MustCompile(`(^| )--?[a-z][a-z-]*`).FindAllString(own, -1) {
				if !strings.Contains(about, strings.TrimSpace(flag)) {
					t.Errorf("%s: %q: no such flag", path, m[0])
				}
			}
		}
	}
	if mentioned < 20 {
		t.Errorf("only %d commands are mentioned", mentioned)
	}
}
