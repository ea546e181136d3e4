package peers

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	bin, npm := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	program(t, filepath.Join(bin, "tar"), "tar (GNU tar) 1.34\nCopyright")
	program(t, filepath.Join(npm, "node_modules", ".bin", "mise"), "2026.9.15 linux-x64")
	f := Find(t.Context(), npm)
	for command, want := range map[string]string{"tar": "tar (GNU tar) 1.34", "mise": "2026.9.15 linux-x64"} {
		if path, ok := f.Path(command); !ok || f.Version(command) != want {
			t.Errorf("%s: path %q, version %q; want %q", command, path, f.Version(command), want)
		}
	}
	if got, want := f.Missing("tar", "asdf", "mise", "goenv"), []string{"asdf", "goenv"}; !slices.Equal(got, want) {
		t.Errorf("missing are %v, want %v", got, want)
	}
}

// program writes a script that says its version.
func program(t *testing.T, path, says string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestShort(t *testing.T) {
	for said, want := range map[string]string{
		"*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***":                "Zstandard CLI (64-bit) v1.5.4",
		"UnZip 6.00 of 20 April 2009, by Debian.":                              "UnZip 6.00",
		"bsdtar 3.6.2 - libarchive 3.6.2 zlib/1.2.13":                          "bsdtar 3.6.2",
		"\nversion 1\nmore":                                                    "version 1",
		"a line that is much longer than what a table's cell should ever have": "a line that is much longer than what a table's cell should e",
		"":                                 "",
		"2026.9.15 linux-x64 (2026-09-27)": "2026.9.15 linux-x64 (2026-09-27)",
	} {
		if got := Short(said); got != want {
			t.Errorf("Short(%q) = %q, want %q", said, got, want)
		}
	}
}
