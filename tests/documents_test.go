package tests

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// documents returns the documents in docs, in all of its directories.
func documents(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("../docs", func(path string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestDocuments runs every command line of the documents, each document's in order, in one shell, in a new home, against an
// upstream on the loopback interface. These are command lines:
//
//   - what follows "$ " in a ```console block;
//   - the lines of a ```sh block, or of one that is indented by four blanks, in which one begins with "gostore ";
//   - in docs/coming-from, the code in the column "gostore" of a table that begins with "gostore ".
//
// A comment "<!-- run: LINE -->" in a document is a line that is needed, but tells nobody anything. Lines that cannot be run here have
// "<!-- not run: WHY -->" before their block, or in their cell; the test logs them.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, path := range append(documents(t), readme) {
		t.Run(filepath.ToSlash(strings.TrimPrefix(path, "../")), func(t *testing.T) {
			t.Parallel()
			lines := commandLines(document(t, path), strings.Contains(path, "/coming-from/"))
			var run []commandLine
			for _, l := range lines {
				if path == readme && !l.console && l.why == "" {
					l.why = "it needs servers on the internet" // comments would be seen by whoever reads it as text
				}
				if l.why != "" {
					t.Logf("%s:%d: not run, %s: %s", path, l.number, l.why, l.text)
				} else {
					run = append(run, l)
				}
			}
			if len(run) > 0 {
				runDocument(t, path, run)
			}
		})
	}
}

func runDocument(t *testing.T, path string, lines []commandLine) {
	w := newWorld(t, upstream.Config{})
	w.environ = append(w.environ, "GOSTORE_ROOT=")
	script := "set -e\nPATH=$HOME/.local/share/gostore/profiles/default/current/bin:$PATH\n"
	for _, l := range lines {
		script += fmt.Sprintf("echo '## %d'\n%s\n", l.number, l.text)
	}
	out, err := w.command(script).CombinedOutput()
	if err == nil {
		return
	}
	all := regexp.MustCompile(`(?m)^## (\d+)$`).FindAllSubmatchIndex(out, -1)
	if len(all) == 0 {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	last := all[len(all)-1]
	number := string(out[last[2]:last[3]])
	i := slices.IndexFunc(lines, func(l commandLine) bool { return fmt.Sprint(l.number) == number })
	t.Errorf("%s:%s: %s: %v\n%s\nA line that cannot be run here needs <!-- not run: WHY --> before its block; what it needs can be made by <!-- run: LINE -->.",
		path, number, lines[i].text, err, out[last[1]:])
}

// commandLine is a command line of a document.
type commandLine struct {
	number int
	text   string
	why    string // it is not run, "" for one that is

	console bool // it stands in a block of a terminal's contents
}

const readme = "../README.md"

var (
	noteRun    = regexp.MustCompile(`^<!-- run: (.*) -->$`)
	noteNotRun = regexp.MustCompile(`<!-- not run: (.*?) -->`)
	codeSpan   = regexp.MustCompile("`(gostore [^`]*)`")
)

// commandLines returns the command lines of a document. In one with tables the column "gostore" counts as well.
func commandLines(text string, tables bool) (found []commandLine) {
	var block []commandLine // the lines of the block that is being read
	language, why := "", ""
	column := -1 // of the table that is being read
	end := func() {
		ours := language == "console" || slices.ContainsFunc(block, func(l commandLine) bool { return strings.HasPrefix(l.text, "gostore ") })
		if (language == "console" || language == "sh" || language == "indented") && ours {
			for _, l := range block {
				l.why, l.console = why, language == "console"
				found = append(found, l)
			}
		}
		if language != "" {
			why = ""
		}
		block, language = nil, ""
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		name, fence := strings.CutPrefix(line, "```")
		indented, isIndented := strings.CutPrefix(line, "    ")
		switch {
		case fence && language != "" && language != "indented":
			end()
		case fence:
			end()
			if language = name; name == "" {
				language = "plain"
			}
		case language == "console":
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				block = append(block, commandLine{number: number, text: command})
			}
		case language != "" && language != "indented":
			block = append(block, commandLine{number: number, text: line})
		case isIndented:
			language = "indented"
			block = append(block, commandLine{number: number, text: indented})
		default:
			end()
			if m := noteRun.FindStringSubmatch(line); m != nil {
				found = append(found, commandLine{number: number, text: m[1]})
			} else if m := noteNotRun.FindStringSubmatch(line); m != nil && !strings.HasPrefix(line, "|") {
				why = m[1]
			}
			if tables {
				found = append(found, tableCommands(line, number, &column)...)
			}
		}
	}
	end()
	return found
}

// tableCommands returns the commands in the column "gostore" of a table's row. column is kept from one line to the next.
func tableCommands(line string, number int, column *int) (found []commandLine) {
	if !strings.HasPrefix(line, "|") {
		*column = -1
		return nil
	}
	cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "| "), `\|`, "\x00"), "|")
	if *column < 0 {
		*column = slices.IndexFunc(cells, func(c string) bool { return strings.TrimSpace(c) == "gostore" })
		if *column < 0 {
			*column = len(cells) // a table about something else
		}
		return nil
	}
	if *column >= len(cells) {
		return nil
	}
	cell := strings.ReplaceAll(cells[*column], "\x00", "|")
	why := ""
	if m := noteNotRun.FindStringSubmatch(cell); m != nil {
		why = m[1]
	}
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		found = append(found, commandLine{number: number, text: m[1], why: why})
	}
	return found
}

// What the test above takes for a command line.
func TestCommandLines(t *testing.T) {
	text := strings.ReplaceAll(`# Title
'''console
$ cd x
output
$ gostore lock
'''
<!-- run: mkdir y -->

    gostore list   # a comment

    two words

<!-- not run: needs npm -->
'''sh
export X=1
gostore lock npm:x
'''
'''sh
export Y=1
'''
'''
gostore nothing
'''
'gostore text'

| theirs | gostore | difference |
|---|---|---|
| 'x y' | 'gostore gc', then 'x' or 'gostore list \| cat' | 'gostore no' |
| 'x z' | 'gostore lock node' <!-- not run: a server --> | |

| file | what |
|---|---|
| 'gostore file' | 'gostore other' |
`, "'", "`")
	var got []string
	for _, l := range commandLines(text, true) {
		got = append(got, fmt.Sprintf("%d:%s:%s", l.number, l.text, l.why))
	}
	want := []string{"3:cd x:", "5:gostore lock:", "7:mkdir y:", "9:gostore list   # a comment:", "15:export X=1:needs npm", "16:gostore lock npm:x:needs npm",
		"28:gostore gc:", "28:gostore list | cat:", "29:gostore lock node:a server"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
