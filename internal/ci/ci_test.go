package ci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestSystems(t *testing.T) {
	at := time.Unix(1700000000, 0)
	for _, c := range []struct {
		environ           func(string) string
		name              string
		open, shut, error string
	}{
		{environ(), "", "Go 1.22\nand more", "", ""},
		{environ("CI", "true", "GITHUB_ACTIONS", "false"), "", "Go 1.22\nand more", "", ""},
		{environ("CI", "true", "GITHUB_ACTIONS", "true"), "GitHub Actions",
			"::group::Go 1.22%0Aand more", "::endgroup::", "::error title=gostore::50%25 of it%0Ais [wrong]'"},
		{environ("GITLAB_CI", "true"), "GitLab CI",
			"\x1b[0Ksection_start:1700000000:go_1_22_and_more[collapsed=true]\r\x1b[0KGo 1.22 and more",
			"\x1b[0Ksection_end:1700000000:go_1_22_and_more\r\x1b[0K", ""},
		{environ("TF_BUILD", "True"), "Azure Pipelines",
			"##[group]Go 1.22 and more", "##[endgroup]", "##vso[task.logissue type=error]50%AZP25 of it%0Ais [wrong]'"},
		{environ("BUILDKITE", "true"), "Buildkite", "--- Go 1.22 and more", "+++ gostore", ""},
		{environ("TEAMCITY_VERSION", "2026.1 (build 1)"), "TeamCity", "##teamcity[blockOpened name='Go 1.22|nand more']",
			"##teamcity[blockClosed name='Go 1.22|nand more']", "##teamcity[message text='50% of it|nis |[wrong|]|'' status='ERROR']"},
	} {
		s := Detect(c.environ)
		if s.Name != c.name || s.Stamps() != (c.name != "") {
			t.Errorf("%q, want %q", s.Name, c.name)
		}
		const title = "Go 1.22\nand more"
		if got := s.Open(title, at); got != c.open {
			t.Errorf("%s: opens with %q, want %q", s.Name, got, c.open)
		}
		if got := s.Close(title, at); got != c.shut {
			t.Errorf("%s: closes with %q, want %q", s.Name, got, c.shut)
		}
		if got := s.Mark("50% of it\nis [wrong]'"); got != c.error {
			t.Errorf("%s: marks with %q, want %q", s.Name, got, c.error)
		}
	}
}

func TestAppend(t *testing.T) {
	env, path := filepath.Join(t.TempDir(), "env"), filepath.Join(t.TempDir(), "path")
	if err := os.WriteFile(env, []byte("OTHER=1"), 0o600); err != nil { // a step that forgot its line feed
		t.Fatal(err)
	}
	for _, list := range [][]Variable{{{"A", "1 = \"2\" $x"}, {"EMPTY", ""}}, {{"LINES", "one\nGITHUB_TOKEN=two\n"}}} {
		if err := AppendVariables(env, list); err != nil {
			t.Fatal(err)
		}
	}
	got := read(t, env)
	for name, want := range map[string]string{"OTHER": "1", "A": "1 = \"2\" $x", "EMPTY": "", "LINES": "one\nGITHUB_TOKEN=two\n"} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("variables: %q", got)
	}
	for _, dir := range []string{"/a b/bin", "/c"} {
		if err := AppendPath(path, dir); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "/a b/bin\n/c\n" {
		t.Errorf("path: %q, %v", data, err)
	}
}

// What cannot be said in these files is an error, and then nothing is written.
func TestAppendRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, v := range []Variable{{"", "x"}, {"A=B", "x"}, {"A\nB", "x"}, {"GITHUB_TOKEN", "x"}, {"NODE_OPTIONS", "x"}, {"A", "\x00"}} {
		if err := AppendVariables(file, []Variable{{"GOOD", "1"}, v}); err == nil {
			t.Errorf("%q is written", v)
		}
	}
	if err := AppendPath(file, "/good", "/a\n/b"); err == nil {
		t.Error("a directory with a line feed is written")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("something was written")
	}
}

// read reads the file of GITHUB_ENV as GitHub Actions describes it.
func read(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

func parse(t *testing.T, text string) map[string]string {
	t.Helper()
	got := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, value, plain := strings.Cut(lines[i], "=")
		if before, word, here := strings.Cut(lines[i], "<<"); here && (!plain || len(before) < len(name)) {
			var body []string
			for i++; i < len(lines) && lines[i] != word; i++ {
				body = append(body, lines[i])
			}
			name, value = before, strings.Join(body, "\n")
		} else if !plain {
			t.Fatalf("line %q", lines[i])
		}
		got[name] = value
	}
	return got
}

func FuzzVariables(f *testing.F) {
	f.Add("A", "one\ntwo")
	f.Add("B<<C", "\r\nD=1")
	f.Fuzz(func(t *testing.T, name, value string) {
		text, err := FormatVariables([]Variable{{name, value}, {"LAST", "x"}})
		if err != nil || name == "LAST" {
			return
		}
		got := parse(t, text)
		if len(got) != 2 || got[name] != value || got["LAST"] != "x" {
			t.Errorf("%q=%q is read as %q", name, value, got)
		}
	})
}
