package variables

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/environment"
)

func TestFormat(t *testing.T) {
	changes := []environment.Setting{
		{Name: "A", Value: `it's "$HOME" \ # x`}, {Name: "B", Unset: true}, {Name: "C"}, {Name: "PATH", Value: "/e/bin:/bin"}}
	for format, want := range map[string]string{
		"sh":         `export A='it'\''s "$HOME" \ # x'` + "\nunset B\nexport C=''\nexport PATH='/e/bin:/bin'\n",
		"fish":       `set -gx A 'it\'s "$HOME" \\ # x'` + "\nset -e -g B\nset -q B; and set -gx B \"\"\nset -gx C ''\nset -gx PATH '/e/bin:/bin'\n",
		"nu":         `$env.A = "it's \"$HOME\" \\ # x"` + "\nhide-env --ignore-errors B\n$env.C = \"\"\n$env.PATH = [\"/e/bin\", \"/bin\"]\n",
		"powershell": `$Env:A = 'it''s "$HOME" \ # x'` + "\nRemove-Item -ErrorAction Ignore -LiteralPath Env:B\n$Env:C = ''\n$Env:PATH = '/e/bin:/bin'\n",
		"json":       "{\n  \"set\": {\n    \"A\": \"it's \\\"$HOME\\\" \\\\ # x\",\n    \"C\": \"\",\n    \"PATH\": \"/e/bin:/bin\"\n  },\n  \"unset\": [\n    \"B\"\n  ]\n}\n",
		"github":     `A=it's "$HOME" \ # x` + "\nB=\nC=\nPATH=/e/bin:/bin\n",
	} {
		var b strings.Builder
		if err := Format(&b, format, changes); err != nil || b.String() != want {
			t.Errorf("%s: %v\n got %s\nwant %s", format, err, b.String(), want)
		}
	}
	var b strings.Builder
	if err := Format(&b, "docker", []environment.Setting{changes[0], changes[2]}); err != nil || b.String() != `ENV A="it's \"\$HOME\" \\ # x"`+"\nENV C=\"\"\n" {
		t.Errorf("docker: %v %s", err, b.String())
	}
	if err := Format(&b, "xml", nil); err == nil {
		t.Error("a format that is none is accepted")
	}
	b.Reset()
	if err := Format(&b, "powershell", []environment.Setting{{Name: "A", Value: "‘’‚‛"}}); err != nil || b.String() != "$Env:A = '‘‘’’‚‚‛‛'\n" {
		t.Errorf("powershell: %v %s", err, b.String())
	}
	b.Reset()
	if err := Format(&b, "nu", []environment.Setting{{Name: "A", Value: "a\nb\x1b\x7f"}}); err != nil || b.String() != `$env.A = "a\u{a}b\u{1b}\u{7f}"`+"\n" {
		t.Errorf("nu: %v %s", err, b.String())
	}
}

func TestInexpressible(t *testing.T) {
	set := func(value string) environment.Setting { return environment.Setting{Name: "A", Value: value} }
	for _, c := range []struct {
		change  environment.Setting
		formats string // those that cannot express it
	}{
		{set("plain, with = and space inside"), ""},
		{environment.Setting{Name: "A", Unset: true}, "dotenv docker"},
		{set("a\nb"), "dotenv docker"},
		{set("a\r"), "dotenv github docker"},
		{set("\xff"), "nu powershell json dotenv github docker"},
		{set("'"), "dotenv"}, {set(`"`), "dotenv"}, {set("`"), "dotenv"}, {set(`\`), "dotenv"}, {set("$"), "dotenv"}, {set("#"), "dotenv"},
		{set(" a"), "dotenv"}, {set("a\t"), "dotenv"},
		{set("\x00"), "sh fish nu powershell json dotenv github docker"},
		{environment.Setting{Name: "A B"}, "sh fish nu powershell json dotenv github docker"},
		{environment.Setting{Name: "NODE_OPTIONS", Value: "x"}, "github"},
		{environment.Setting{Name: "GITHUB_X", Value: "x"}, "github"},
		{environment.Setting{Name: "NODE_OPTIONS_X", Value: "x"}, ""},
	} {
		var failing []string
		for _, format := range Formats {
			var b strings.Builder
			err := Format(&b, format, []environment.Setting{{Name: "FIRST", Value: "1"}, c.change})
			var e *InexpressibleError
			switch {
			case errors.As(err, &e) && e.Name == c.change.Name && e.Format == format && b.Len() == 0:
				failing = append(failing, format)
			case err != nil:
				t.Errorf("%+v in %s: %v and %q", c.change, format, err, b.String())
			}
		}
		if got := strings.Join(failing, " "); got != c.formats {
			t.Errorf("%+v: cannot be expressed in %q, want %q", c.change, got, c.formats)
		}
	}
}

// strange are values as people have them, and as nobody should.
var strange = []string{
	"", " ", "plain", "two words", " around ", "it's", `"`, "''", `'"'"'`, `\`, `\\`, `\'`, `a\`, "$HOME", "${HOME}", "$(echo no)", "`echo no`",
	"#", "a # b", "!x", "!!", "~", "*", "a\nb", "\n", "a\n\nb\n", "\r", "a\r\nb", "\t", "\x01\x1b[31m", "\x7f", "é", "日本", "\xff", "a\xc3", "\xed\xa0\x80",
	"%s", ";", "&& false", "<<EOF", "EOF", "END_", "a=b", "=", "-n", "-e", "{a,b}", "[x]", "\uf8ff", "\ufffd", "‘’",
}

// round has a shell execute what Format wrote and returns the values that its programs then see.
func round(t *testing.T, shell []string, format string, values []string) []string {
	t.Helper()
	path, err := exec.LookPath(shell[0])
	if err != nil {
		t.Skipf("%s is not installed", shell[0])
	}
	var changes []environment.Setting
	for i, value := range values {
		changes = append(changes, environment.Setting{Name: fmt.Sprintf("V%d", i), Value: value})
	}
	var script bytes.Buffer
	if err := Format(&script, format, append(changes, environment.Setting{Name: "GONE", Unset: true})); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, script.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, append(shell[1:], `eval "$(cat `+file+`)"; env -0`)...)
	cmd.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "GONE=1", "LC_ALL=C.UTF-8"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v with\n%s", shell, err, script.String())
	}
	seen := asMap(strings.Split(string(out), "\x00"))
	if _, ok := seen["GONE"]; ok {
		t.Errorf("%q: GONE is still set", shell)
	}
	var got []string
	for i := range values {
		got = append(got, seen[fmt.Sprintf("V%d", i)])
	}
	return got
}

// Every value comes through the shells that are installed as it is: by eval "$(…)", as people write it.
func TestShellsRoundTrip(t *testing.T) {
	var all []string
	for b := byte(1); b != 0; b++ {
		all = append(all, string([]byte{'x', b, 'y'}), string([]byte{b}))
	}
	all = append(all, strange...)
	for _, c := range []struct {
		name, format string
		argv         []string
	}{
		{"sh", "sh", []string{"sh", "-c"}},
		{"dash", "sh", []string{"dash", "-c"}},
		{"bash", "sh", []string{"bash", "-c"}},
		{"bash posix", "sh", []string{"bash", "--posix", "-c"}},
		{"zsh", "sh", []string{"zsh", "-f", "-c"}},
		{"zsh with rc_quotes", "sh", []string{"zsh", "-f", "-o", "rcquotes", "-c"}},
		{"ksh", "sh", []string{"ksh", "-c"}},
		{"busybox", "sh", []string{"busybox", "sh", "-c"}},
		{"fish", "fish", []string{"fish", "--no-config", "-c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, got := range round(t, c.argv, c.format, all) {
				if got != all[i] {
					t.Errorf("%q became %q", all[i], got)
				}
			}
		})
	}
}

func FuzzShells(f *testing.F) {
	for _, value := range strange {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "\x00") || len(value) > 1<<16 {
			t.Skip()
		}
		for format, argv := range map[string][]string{"sh": {"sh", "-c"}, "fish": {"fish", "--no-config", "-c"}} {
			if got := round(t, argv, format, []string{value}); got[0] != value {
				t.Errorf("%s: %q became %q", format, value, got[0])
			}
		}
	})
}

// expressed returns those of the strange values that a format can express, as changes.
func expressed(format string) []environment.Setting {
	var changes []environment.Setting
	for i, value := range strange {
		c := environment.Setting{Name: fmt.Sprintf("V%d", i), Value: value}
		if expressible(format, c) == nil {
			changes = append(changes, c)
		}
	}
	return changes
}

func formatted(t *testing.T, format string, changes []environment.Setting) string {
	t.Helper()
	var b strings.Builder
	if err := Format(&b, format, changes); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJSONRoundTrip(t *testing.T) {
	changes := expressed("json")
	var got struct{ Set map[string]string }
	if err := json.Unmarshal([]byte(formatted(t, "json", changes)), &got); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if got.Set[c.Name] != c.Value {
			t.Errorf("%q became %q", c.Value, got.Set[c.Name])
		}
	}
}

// TestGitHubRoundTrip reads the file by the rules of the runner: NAME=VALUE, or NAME<<DELIMITER and lines up to it.
func TestGitHubRoundTrip(t *testing.T) {
	changes := append(expressed("github"), environment.Setting{Name: "LAST", Value: "x\nLAST=y\nEVIL<<X"})
	lines := strings.Split(formatted(t, "github", changes), "\n")
	got := map[string]string{}
	for i := 0; i < len(lines) && lines[i] != ""; i++ {
		name, value, plain := strings.Cut(lines[i], "=")
		before, end, block := strings.Cut(lines[i], "<<")
		if plain && (!block || len(name) < len(before)) {
			got[name] = value
			continue
		}
		var text []string
		for i++; lines[i] != end; i++ {
			text = append(text, lines[i])
		}
		got[before] = strings.Join(text, "\n")
	}
	for _, c := range changes {
		if value, ok := got[c.Name]; !ok || value != c.Value {
			t.Errorf("%s: %q became %q", c.Name, c.Value, value)
		}
	}
	if len(got) != len(changes) {
		t.Errorf("%d variables became %d", len(changes), len(got))
	}
	if a, b := formatted(t, "github", changes), formatted(t, "github", changes); a == b {
		t.Error("the delimiters can be guessed")
	}
}

// A program that reads .env files takes the text after the "=" for the value, as docker does, where Format lets a value pass.
func TestDotenvRoundTrip(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	changes := expressed("dotenv")
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte(formatted(t, "dotenv", changes)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--env-file="+file, "-e", "process.stdout.write(JSON.stringify(process.env))")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this node reads no .env files: %v", err)
	}
	got := map[string]string{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if got[c.Name] != c.Value {
			t.Errorf("%q became %q", c.Value, got[c.Name])
		}
	}
}

func TestStatement(t *testing.T) {
	over := Settings(said(Project, "toml", "A=1", "GONE", "GOTOOLCHAIN"))
	inherits := []string{"GONE=1", "OTHER=1", "A=1", "PATH=/bin"}
	got := Statement([]environment.Tool{goTool}, over, environment.Environment{Tools: []environment.Tool{goTool}}.Apply("/e", inherits, over...))
	want := []environment.Setting{
		{Name: "A", Value: "1"}, {Name: "GONE", Unset: true}, {Name: "GOROOT", Unset: true}, {Name: "GOSTORE_ENVIRONMENT", Value: "/e"},
		{Name: "GOSTORE_TOOLS", Value: "go@1.22.6"}, {Name: "GOTOOLCHAIN", Unset: true}, {Name: "GOTOOLDIR", Unset: true},
		{Name: "PATH", Value: "/e/bin:/bin"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}
