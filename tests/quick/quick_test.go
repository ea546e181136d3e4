package quick

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a process left is removed, what another one uses is not.
func TestTemp(t *testing.T) {
	t.Setenv("TMPDIR", "")
	remove := Temp()
	used := os.Getenv("TMPDIR")
	if !strings.HasPrefix(used, memory+"/") {
		remove()
		t.Skip("there is too little memory, or no file system in it")
	}
	left, err := os.MkdirTemp(memory, prefix)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(left, "store"), 0o555); err != nil {
		t.Fatal(err)
	}
	removeAbandoned()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what was left is still there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(used, "file"), nil, 0o444); err != nil {
		t.Error(err)
	}
	remove()
	if _, err := os.Stat(used); !os.IsNotExist(err) {
		t.Errorf("it is not removed: %v", err)
	}
}

func TestTempIsChosen(t *testing.T) {
	t.Setenv("TMPDIR", "/chosen")
	Temp()()
	if got := os.Getenv("TMPDIR"); got != "/chosen" {
		t.Errorf("TMPDIR is %q", got)
	}
}
