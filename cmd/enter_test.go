package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLookPath(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"a", "b", "a/tool"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"b/tool": 0o755, "a/plain": 0o644, "a/both": 0o644, "b/both": 0o755, "here": 0o755} {
		if err := os.WriteFile(filepath.Join(top, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	// An entry that cannot be searched is one in which nothing is found.
	if err := os.Symlink("loop", filepath.Join(top, "loop")); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Join(top, "loop") + ":" + filepath.Join(top, "a") + ":" + filepath.Join(top, "b") + "::b"
	for _, c := range []struct {
		name, want string
		code       int
	}{
		{"tool", "b/tool", exitOK}, // a directory of that name does not count
		{"both", "b/both", exitOK}, // nor does a file that cannot be executed
		{"plain", "", exitNotExecutable},
		{"none", "", exitNoCommand},
		{"", "", exitNoCommand},
		{"here", "here", exitOK}, // an empty entry of PATH is the working directory
		{"./here", "here", exitOK},
		{"b/tool", "b/tool", exitOK},
		{"./tool", "", exitNoCommand},
		{"here/x", "", exitNoCommand},
		{"a", "", exitNotExecutable},
		{"./a/plain", "", exitNotExecutable},
	} {
		got, err := lookPath(c.name, top, []string{path})
		code := exitOK
		if err != nil {
			code = exitCode(err)
		}
		if code != c.code || err == nil && got != filepath.Join(top, c.want) {
			t.Errorf("lookPath(%q) = %q, %v; want %q with code %d", c.name, got, err, c.want, c.code)
		}
	}
}
