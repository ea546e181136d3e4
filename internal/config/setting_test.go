package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"gostore/internal/textfile"
)

// Every key can be set to something, read back as that, and unset, which leaves the file as it was.
func TestSetEveryKey(t *testing.T) {
	values := map[string][]string{
		"layers":     {"/opt/gostore", "/srv/tools"},
		"network.ca": {"/etc/corp.pem"}, "network.netrc": {"/home/me/netrc"}, "network.no-proxy": {"a.example", "10.0.0.0/8"},
		"network.proxy": {"http://proxy.example:3128"}, "npm.registry": {"https://npm.example"}, "seal": {SealVerity},
		"sources.TOOL": {"godev"}, "trust": {"/srv/a", `/srv/"b"`},
	}
	path := filepath.Join(t.TempDir(), "gostore", "config.toml")
	getenv := env("GOSTORE_CONFIG", path, "HOME", "/home/me")
	for _, k := range Keys {
		want := values[k.Name]
		k, err := FindKey(strings.Replace(k.Name, "TOOL", "golang.org/x/tools/gopls", 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := Set(t.Context(), path, "/home/me", k, want...); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		all, err := Effective(getenv, Config{}, "")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range all {
			if s.Key == k.Name && reflect.DeepEqual(s.Values, want) && strings.HasPrefix(s.From, path+":") {
				found = true
			}
		}
		if !found {
			t.Errorf("%s was set to %q, and what holds is %v", k.Name, want, all)
		}
		if err := Set(t.Context(), path, "/home/me", k); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if err := Set(t.Context(), path, "/home/me", k); !errors.Is(err, ErrUnset) {
			t.Errorf("%s was unset twice: %v", k.Name, err)
		}
	}
}

func TestFindKey(t *testing.T) {
	for _, name := range []string{"", "sources", "sources.", "sources.TOOL", "network", "mirror", "tool.x", "Seal"} {
		var unknown *KeyError
		if k, err := FindKey(name); !errors.As(err, &unknown) {
			t.Errorf("%q is %+v, %v", name, k, err)
		}
	}
}

// What is refused leaves the file as it was, and says what is wrong without a place in a file that is not there.
func TestSetRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	seal, _ := FindKey("seal")
	for text, want := range map[string]string{"seal = \"mode\" # so\n": `seal: seal "wax": want "mode" or "fs-verity"`, "x = 1\n": `c:1:1: unknown key "x"`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Set(t.Context(), path, "", seal, "wax")
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "c"), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		var bad *ValueError
		if errors.As(err, &bad) && errors.As(err, new(textfile.ErrorList)) {
			t.Errorf("%v has a place", err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

// Concurrent changes take turns: none is lost.
func TestSetTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	var setters sync.WaitGroup
	tools := []string{"a", "b", "c", "d", "e", "f"}
	for _, tool := range tools {
		setters.Go(func() {
			k, err := FindKey("sources." + tool)
			if err == nil {
				err = Set(t.Context(), path, "", k, "npm")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	setters.Wait()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, data, "")
	if err != nil || len(c.Sources) != len(tools) {
		t.Errorf("%v, %v", c.Sources, err)
	}
}
