package layers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		variable, user, system string // "-" is a file that is not there
		want                   string // separated by spaces
		wrong                  string // in the error
	}{
		{"", "-", "-", "", ""},
		{"/a:/b/../c/:/a::~/d", `layers = ["/no"]`, `layers = ["/no"]`, "/a /c HOME/d", ""},
		{"off", `layers = ["/no"]`, `layers = ["/no"]`, "", ""},
		{"", `layers = ["/u", "~/v"]`, `layers = ["/no"]`, "/u HOME/v", ""},
		{"", `layers = []`, `layers = ["/no"]`, "", ""},
		{"", `trust = ["/x"]`, `layers = ["/s"]`, "/s", ""},
		{"", "-", `layers = ["/s", "/s"]`, "/s", ""},
		{"a:/b:c", "-", "-", "", `GOSTORE_LAYERS: layer "a" is no absolute path` + "\n" + `layer "c"`},
		{"", `layers = ["u"]`, "-", "", `config.toml:1:11: layer "u" is no absolute path`},
		{"", `layers = "/u"`, "-", "", `config.toml:1:10: `},
		{"", `layers = [7]`, "-", "", `config.toml:1:11: `},
		{"", "-", `layers = ["~/v"]`, "", `layer "~/v" is no absolute path`},
		{"", "-", `trust = ["/x"]`, "", `config.toml:1:1: `},
		{"", "layers = ", "-", "", "config.toml:1:"},
	} {
		dir := t.TempDir()
		for sub, text := range map[string]string{"user": c.user, "etc": c.system} {
			if text == "-" {
				continue
			}
			if err := os.MkdirAll(filepath.Join(dir, sub, "gostore"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, sub, "gostore", "config.toml"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		getenv := func(key string) string {
			return map[string]string{Variable: c.variable, "HOME": "/home/u", "XDG_CONFIG_HOME": filepath.Join(dir, "user")}[key]
		}
		got, err := Read(getenv, filepath.Join(dir, "etc"))
		switch {
		case c.wrong == "" && err != nil, c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%+v: %v", c, err)
		case err == nil && !slices.Equal(got, strings.Fields(strings.ReplaceAll(c.want, "HOME", "/home/u"))):
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A file that cannot be read, as one above which something is closed, is not one that says nothing.
func TestReadUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "gostore", "config.toml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(func(string) string { return "" }, dir); err == nil {
		t.Error("a directory was read as a file without layers")
	}
}

func TestFile(t *testing.T) {
	for _, c := range []struct {
		environ map[string]string
		path    string
		needed  bool
	}{
		{map[string]string{"GOSTORE_CONFIG": "/c", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/c", true},
		{map[string]string{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/gostore/config.toml", false},
		{map[string]string{"XDG_CONFIG_HOME": "x", "HOME": "/h"}, "/h/.config/gostore/config.toml", false},
		{nil, "", false},
	} {
		path, needed := File(func(key string) string { return c.environ[key] })
		if path != c.path || needed != c.needed {
			t.Errorf("%v: %q, %v", c.environ, path, needed)
		}
	}
}
