package definition

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/textfile"
)

var update = flag.Bool("update", false, "write the files that follow from the built-in definitions")

// golden compares a text with a file, or with the part of it between two lines.
func golden(t *testing.T, path, from, to, got string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	text := string(data)
	before, want, after := "", text, ""
	if from != "" {
		head, rest, ok := strings.Cut(text, from)
		body, tail, ok2 := strings.Cut(rest, to)
		if !ok || !ok2 {
			t.Fatalf("%s: no part between %q and %q", path, from, to)
		}
		before, want, after = head+from, body, to+tail
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+got+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s does not follow from builtin.toml; go test ./internal/definition -update writes it: -want +got\n%s", path, diff)
	}
}

func TestBuiltin(t *testing.T) {
	doc, err := textfile.ParseTOML(builtinName, builtinFile)
	if err != nil {
		t.Fatal(err)
	}
	Parse(doc, doc.May(&doc.Root, "tool", textfile.Table), builtinName)
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	commands := map[string]string{}
	for _, d := range Builtin().All() {
		if d.About == "" || len(d.About) > 70 || d.Home == "" {
			t.Errorf("%s: about has %d bytes, want 1 to 70; home is %q", d.Name, len(d.About), d.Home)
		}
		if d.Place != builtinPlace || len(d.Sources()) == 0 || d.FirstUse {
			t.Errorf("%s: place %q, sources %q, first use %v", d.Name, d.Place, d.Sources(), d.FirstUse)
		}
		for _, command := range commandsOf(d) {
			if other, ok := commands[command]; ok {
				t.Errorf("command %q is of %s and of %s", command, other, d.Name)
			}
			commands[command] = d.Name
		}
	}
	if n := len(Builtin().All()); n < 27 {
		t.Errorf("%d tools are built in", n)
	}
}

// commandsOf returns the commands that a definition names, or else the one that the tool is.
func commandsOf(d Definition) []string {
	if len(d.Layout.Names) == 0 {
		return []string{d.Name}
	}
	var names []string
	for name := range d.Layout.Names {
		names = append(names, name)
	}
	return names
}

// TestURLs shows every URL that the built-in definitions lead to, for a version that does not exist.
func TestURLs(t *testing.T) {
	var b strings.Builder
	for _, d := range Builtin().All() {
		fmt.Fprintf(&b, "%s from %s\n", d.Name, strings.Join(d.Sources(), ", "))
		v := d.Versions
		for _, list := range []string{v.Git, v.JSON, v.Text, v.Index} {
			if list != "" {
				fmt.Fprintf(&b, "\tversions %s %s%s%s\n", list, v.Tag, v.Path, v.Format)
			}
		}
		if d.Module != "" {
			fmt.Fprintf(&b, "\t%s\n", d.Module)
		}
		last := ""
		for _, p := range d.platforms() {
			if d.NPM != "" {
				name, err := d.Package(p)
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(&b, "\t%s npm %s\n", p, name)
			}
			if d.URL == "" {
				continue
			}
			archive, err := d.Archive("1.22.3", p)
			if err != nil {
				t.Error(err)
			}
			sums, err := d.ChecksumsURL("1.22.3", p)
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(&b, "\t%s %s\n", p, archive)
			if sums != last {
				fmt.Fprintf(&b, "\t\tchecksums %s\n", sums)
			}
			last = sums
		}
		if l := d.LayoutFor("1.22.3"); len(l.Check) > 0 {
			fmt.Fprintf(&b, "\tcheck %s says %s\n", strings.Join(l.Check, " "), l.CheckWant)
		}
	}
	golden(t, filepath.Join("testdata", "urls.txt"), "", "", b.String())
}

// TestManual holds the list of tools in the manual.
func TestManual(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n\n| tool | what it is | from |\n|---|---|---|\n")
	for _, d := range Builtin().All() {
		var from []string
		for _, source := range d.Sources() {
			switch source {
			case SourceModule:
				from = append(from, "Go package `"+d.Module+"`")
			case SourceNPM:
				from = append(from, "npm `"+d.NPM+"`")
			default:
				from = append(from, whence(d))
			}
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", d.Name, d.Home, d.About, strings.Join(from, "; "))
	}
	b.WriteString("\n")
	golden(t, filepath.Join("..", "..", "docs", "tools.md"), "<!-- built in -->", "<!-- end -->", b.String())
}

// whence says who states the checksums of a tool's archives.
func whence(d Definition) string {
	switch {
	case d.Versions.Format == FormatZig:
		return "release, checksums and signatures by upstream"
	case strings.HasPrefix(d.Checksums, "https://api.github.com/"):
		return "release, checksums by GitHub"
	}
	return "release, checksums by upstream"
}
