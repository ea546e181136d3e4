package ci

import (
	"os"
	"path/filepath"
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
	for _, lines := range []string{"A=1\n", "B<<x\n2\nx\n"} {
		if err := AppendVariables(env, lines); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"/a b/bin", "/c"} {
		if err := AppendPath(path, dir); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{env: "OTHER=1\nA=1\nB<<x\n2\nx\n", path: "/a b/bin\n/c\n"} {
		if data, err := os.ReadFile(file); err != nil || string(data) != want {
			t.Errorf("%q, %v, want %q", data, err, want)
		}
	}
}

// A directory that a line cannot hold is an error, and then nothing is written.
func TestAppendPathRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, dir := range []string{"/a\n/b", "/a\r", "/a\x00"} {
		if err := AppendPath(file, "/good", dir); err == nil {
			t.Errorf("%q is written", dir)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("something was written")
	}
}
