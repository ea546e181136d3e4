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

// TestDoctorNamesCommands holds the commands of gostore that doctor's findings name against those that there are.
func TestDoctorNamesCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	known := append(commands(w.sh("gostore --help")), "itself") // which is no command
	files, err := filepath.Glob("../internal/doctor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"[^"\n]*\bgostore ([a-z-]+)([^"\n]*)`).FindAllStringSubmatch(document(t, path), -1) {
			if !strings.HasPrefix(m[0], `"gostore `) && !strings.Contains(m[0], ": gostore ") && !strings.Contains(m[0], "then: ") {
				continue // a sentence
			}
			named++
			if m[1] != "--offline" && !slices.Contains(known, m[1]) {
				t.Errorf("%s: %s: no such command", path, m[0])
			}
			for _, flag := range regexp.MustCompile(` --[a-z-]+`).FindAllString(m[2], -1) {
				if !strings.Contains(w.sh("gostore "+m[1]+" --help"), strings.TrimSpace(flag)) {
					t.Errorf("%s: %s: no such flag", path, m[0])
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d commands were found", named)
	}
}

// TestDoctorOfAnotherUser looks as somebody without rights, in a fresh account: nothing is wrong, and nothing is made.
func TestDoctorOfAnotherUser(t *testing.T) {
	w := ordinaryWorld(t)
	out := w.sh("gostore doctor; ls -A $HOME")
	if strings.Contains(out, "problem") || strings.Contains(out, "warning") || strings.Contains(out, ".local") {
		t.Errorf("a fresh account:\n%s", out)
	}
	out = w.sh(`gostore switch -q go@1.22.6 && export PATH="$HOME/.local/share/gostore/profiles/default/current/bin:$PATH" && gostore doctor`)
	if strings.Contains(out, "problem") || strings.Contains(out, "warning") {
		t.Errorf("with a profile:\n%s", out)
	}
	if os.Getuid() != 0 {
		return
	}
	w.as = nil // as root, in the same place, as with sudo
	if out := w.sh("! gostore doctor store"); !strings.Contains(out, "[store-unusable]") || !strings.Contains(out, "[store-owner]") {
		t.Errorf("root in somebody's store:\n%s", out)
	}
}
