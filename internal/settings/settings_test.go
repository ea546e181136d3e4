package settings

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func settingsOf(t *testing.T, text string) (Settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Read(path)
	return s, err
}

func TestSettings(t *testing.T) {
	got, err := settingsOf(t, `
[tools]
go = "1.22"
[env]
GOFLAGS = "-mod=vendor"
CGO_ENABLED = 0
GOBIN = "{project}/bin"
GOEXPERIMENT = false
EMPTY = ""
[isolate]
caches = true
[check]
run = ["go vet ./...", "true"]
limit = "1m30s"
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Env: []Variable{
			{"GOFLAGS", "-mod=vendor", false, 5}, {"CGO_ENABLED", "0", false, 6}, {"GOBIN", "{project}/bin", false, 7},
			{"GOEXPERIMENT", "", true, 8}, {"EMPTY", "", false, 9},
		},
		Isolate: Isolate{true, 11},
		Check:   Check{[]string{"go vet ./...", "true"}, 90 * time.Second},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got := want.Env[2].In("/p"); got != "/p/bin" {
		t.Errorf("In: %q", got)
	}
}

func TestSettingsAbsent(t *testing.T) {
	if s, err := Read(filepath.Join(t.TempDir(), Name)); err != nil || !reflect.DeepEqual(s, Settings{}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSettingsComplaints(t *testing.T) {
	for text, want := range map[string]string{
		"[env]\n\"A-B\" = \"\"":                `:2:1: "A-B" cannot be the name of a variable: want letters, digits and "_"`,
		"[env]\nPATH = \"x\"":                  `:2:1: variable PATH is not the project's to set: commands come from tools: put them in [tools]`,
		"[env]\nGOTOOLCHAIN = \"auto\"":        `:2:1: variable GOTOOLCHAIN is not the project's to set: the lock decides which Go runs`,
		"[env]\nGOSTORE_ROOT = \"x\"":          `:2:1: variable GOSTORE_ROOT is not the project's to set: such names are gostore's own`,
		"[env]\nA = true":                      `:2:5: variable A: want a string, an integer, or false for a variable that is not to be set`,
		"[env]\nA = [\"x\"]":                   `:2:1: variable A: want a string, an integer, or false for a variable that is not to be set`,
		"[env]\nA = \"\\u0000\"":               `:2:5: variable A: a value cannot hold a zero byte`,
		"env = 1":                              `:1:7: "env" must be a table, not an integer`,
		"[isolate]\nhome = true":               `:2:1: unknown key "home"; known here: caches`,
		"[isolate]\ncaches = 1":                `:2:10: "caches" must be true or false, not an integer`,
		"[check]\nrun = \"x\"":                 `:2:7: "run" must be an array, not a string`,
		"[check]\nrun = [\" \"]":               `:2:8: "run" wants command lines; one is empty or holds a zero byte`,
		"[check]\nlimit = \"soon\"":            `:2:9: limit "soon": want a time such as "30s" or "2m"`,
		"[check]\nlimit = \"-1s\"":             `:2:9: limit "-1s": want a time such as "30s" or "2m"`,
		"[check]\ntimeout = \"1s\"":            `:2:1: unknown key "timeout"; known here: run, limit`,
		"<<<<<<< HEAD\n=======\n>>>>>>> other": "",
	} {
		_, err := settingsOf(t, text)
		if err == nil {
			t.Errorf("%q is accepted", text)
			continue
		}
		got := err.Error()[strings.LastIndex(err.Error(), Name)+len(Name):]
		if want != "" && got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}
