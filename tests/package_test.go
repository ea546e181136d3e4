package tests

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/cmd"
	"gostore/internal/distribution"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

// A package is the same whenever it is made, and what is in it works where it was unpacked.
func TestPackage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a program twice")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	host := release.Host()
	o := distribution.Options{Source: "..", Platforms: []string{host.String()}, Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	var made [2][]byte
	var name string
	for i := range made {
		o.Out = filepath.Join(t.TempDir(), "dist")
		names, err := distribution.Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		name = names[0]
		if made[i], err = os.ReadFile(filepath.Join(o.Out, name)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("a second time the package has other bytes")
	}
	if want := "gostore-" + cmd.Version + "-" + host.OS + "-" + host.Arch + ".tar.gz"; name != want {
		t.Errorf("it is named %q, want %q", name, want)
	}

	w := newWorld(t, upstream.Config{})
	w.sh("cd '" + o.Out + "' && sha256sum -c SHA256SUMS && mkdir -p ~/.local && tar -xzf " + name + " -C ~/.local --strip-components=1")
	prefix := filepath.Join(filepath.Dir(w.dir), "home", ".local")
	if got := w.sh(prefix + "/bin/gostore version"); got != "gostore "+cmd.Version+" "+host.String()+"\n" {
		t.Errorf("it says %q", got)
	}
	for _, program := range []string{"gostore", "gostore-shim"} {
		f, err := elf.Open(filepath.Join(prefix, "bin", program))
		if err != nil {
			if host.OS == "linux" {
				t.Error(err)
			}
			continue
		}
		if libraries, _ := f.ImportedLibraries(); len(libraries) > 0 || f.Section(".interp") != nil {
			t.Errorf("%s needs %q", program, libraries)
		}
		f.Close()
	}
	for _, file := range []string{"LICENSE", "LICENSES", "README.md", "CHANGELOG.md", "SECURITY.md", "docs/design.md", "docs/ci.md", "docs/examples/Dockerfile"} {
		if fi, err := os.Stat(filepath.Join(prefix, "share/doc/gostore", file)); err != nil || fi.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, command := range append(commands(w.sh("gostore --help")), "") {
		page := "share/man/man1/" + strings.TrimSuffix("gostore-"+command, "-") + ".1"
		if _, err := os.Stat(filepath.Join(prefix, page)); err != nil {
			t.Errorf("%s has no page: %v", command, err)
		}
	}
	for tool, line := range map[string]string{
		"man":  `MANPATH=` + prefix + `/share/man MANPAGER=cat man gostore-lock | grep -q 'EXIT STATUS'`,
		"bash": `bash -c 'source ` + prefix + `/share/bash-completion/completions/gostore && complete -p gostore'`,
		"zsh":  `zsh -fc 'fpath=(` + prefix + `/share/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D; test "$_comps[gostore]" = _gostore'`,
		"fish": `fish -c 'source ` + prefix + `/share/fish/vendor_completions.d/gostore.fish; complete -C "gostore ver"' | grep -q verify`,
	} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("not tried, as %s is not installed: %s", tool, line)
			continue
		}
		if out, err := w.command("PATH=" + prefix + "/bin:$PATH; " + line).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}
