package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gostore/internal/release"
)

func TestLists(t *testing.T) {
	c := Catalog{filepath.Join(t.TempDir(), "cache", "versions")}
	if got := c.Versions("go"); got != nil {
		t.Errorf("without a file: %q", got)
	}
	for _, tool := range []string{"go", "npm:@scope/name", "golang.org/x/tools/gopls"} {
		if err := c.Replace(tool, []string{"1.22.6", "1.21.13", "1.22.6"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Add(tool, "1.23.0"); err != nil {
			t.Fatal(err)
		}
		if got := c.Versions(tool); !slices.Equal(got, []string{"1.21.13", "1.22.6", "1.23.0"}) {
			t.Errorf("%s: %q", tool, got)
		}
	}
	if entries, err := os.ReadDir(c.Dir); err != nil || len(entries) != 3 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

// A list that is the same already is not written: no command waits for a disk because of it.
func TestReplaceWritesChangesOnly(t *testing.T) {
	c := Catalog{t.TempDir()}
	if err := c.Replace("go", []string{"1.22.6"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.Dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(c.Dir, 0o700) })
	before, err := os.Stat(c.path("go"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add("go", "1.22.6"); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(c.path("go")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written again (%v)", err)
	}
}

// What somebody else wrote does no harm.
func TestDamagedLists(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                nil,
		"go":                              nil,
		"node\n20.1.0\n":                  nil,
		"go\n1.22.6\n1.2":                 {"1.22.6"}, // cut off
		"go\n\n1.22.6\n":                  {"1.22.6"},
		"go\n$(reboot)\n-x\n1.22.6\n\x1b": {"1.22.6"},
		"go\n../1\n1.22.6\r\n1.21.0\n":    {"1.21.0"},
	} {
		if got := parse("go", text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("go\n1.22.6\n1.27rc1\n")
	f.Add("go\n\x00\n1\n")
	f.Fuzz(func(t *testing.T, text string) {
		versions := parse("go", text)
		for _, v := range versions {
			if err := release.CheckVersion(v); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if again := parse("go", format("go", versions)); !slices.Equal(again, versions) {
			t.Errorf("%q: %q, then %q", text, versions, again)
		}
	})
}
