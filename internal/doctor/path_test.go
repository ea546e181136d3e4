package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gostore/internal/textfile"
)

var projectCases = []testCase{
	{"", "lock-unreadable", Problem, func(k *kit) {
		k.Project = Project{Lock: "/p/gostore.lock", Err: &textfile.Error{File: "/p/gostore.lock", Line: 7, Column: 2, Msg: "conflict marker"}}
	}, `/p/gostore\.lock:7:2: conflict marker`, `\+7 /p/gostore\.lock\ngostore lock`},
	{"", "tools-absent", Note, func(k *kit) {
		k.Project = Project{Lock: k.at("home/p/gostore.lock"), Missing: []string{"node@22.1.0"}}
	}, `~/p/gostore\.lock(.|\n)*node@22\.1\.0`, `gostore install`},
	{"", "configuration-unusable", Problem, func(k *kit) {
		k.ConfigErr = errors.Join(errors.New("GOSTORE_OFFLINE: wrong"), &textfile.Error{File: "/c.toml", Line: 3, Msg: "unknown key"})
	}, `GOSTORE_OFFLINE(.|\n)*unknown key`, `\+3 /c\.toml`},
}

var pathCases = []testCase{
	{"", "path-shadowed", Problem, func(k *kit) {
		k.first(k.at("usr/go/bin"))
		k.write(k.at("home/.bashrc"), "# x\nexport PATH="+k.at("usr/go/bin")+":$PATH\n")
	}, `1\. on PATH: .*usr/go/bin/go, .*version 1\.19\.8\n2\. on PATH(.|\n)*~/\.bashrc:2: `, `^export PATH=.*/profiles/default/current/bin:"\$PATH"\n# for good: the same line after ~/\.bashrc:2$`},
	{"by a manager", "path-shadowed", Problem, func(k *kit) {
		k.script(k.at("home/.asdf/shims/go"), "exec asdf exec go")
		k.first(k.at("home/.asdf/shims"))
	}, `~/\.asdf/shims/go, of asdf`, `current/bin`},
	{"in home", "path-shadowed", Problem, func(k *kit) {
		k.script(k.at("home/sdk/go1.21/bin/go"), "")
		k.first(k.at("home/sdk/go1.21/bin"))
		k.write(k.at("home/.profile"), "PATH=$HOME/sdk/go1.21/bin:$PATH\n")
	}, `installed by golang.org/dl(.|\n)*~/\.profile:1: PATH=\$HOME/sdk`, `current/bin`},
	{"shims", "path-shadowed", Problem, func(k *kit) {
		k.script(filepath.Join(k.Root, "shims", "go"), "")
		k.set("PATH", k.at("usr/go/bin")+":"+filepath.Join(k.Root, "shims"))
	}, `comes before .*/shims on PATH`, `^export PATH=.*/shims:"\$PATH"$`},
	{"in a project", "path-other", Warning, func(k *kit) {
		k.set("PATH", k.at("usr/go/bin"))
		k.Profiles = nil
		k.Wanted[0].From, k.Wanted[0].OfProfile = k.at("home/p/gostore.lock"), false
		k.Wanted = append(k.Wanted, Command{"gofmt", "", "go", goodVersion, k.Wanted[0].From, false})
		k.script(k.at("usr/go/bin/gofmt"), "")
	}, `go is another program than the one that ~/p/gostore\.lock says(.|\n)*likewise: gofmt`, `^gostore shell\n# or for good: gostore shims\n# or at the prompt: eval "\$\(gostore hook bash\)"$`},
	{"with a profile", "path-other", Warning, func(k *kit) { k.set("PATH", k.at("usr/go/bin")) },
		`gostore's is not on PATH`, `current/bin`},
	{"with shims off PATH", "path-other", Warning, func(k *kit) {
		k.set("PATH", k.at("usr/go/bin"))
		k.Wanted[0].OfProfile = false
		k.mkdir(filepath.Join(k.Root, "shims"))
	}, `version 1\.19\.8`, `^export PATH=.*/shims:"\$PATH"$`},
	{"behind it the profile's", "path-other", Warning, func(k *kit) {
		k.first(k.at("usr/go/bin"))
		k.Wanted = append([]Command{{"go", "", "go", "1.22.6", k.at("home/p/gostore.lock"), false}}, k.Wanted...)
	}, `says go 1\.22\.6\n1\..*version 1\.19\.8\n2\..*gostore's, version 1\.26\.8$`, `gostore shell`},
	{"", "path-stale", Warning, func(k *kit) {
		k.Wanted = append([]Command{{"go", "/elsewhere/go", "go", "1.22.6", k.at("home/p/gostore.lock"), false}}, k.Wanted...)
	}, `not the one that ~/p/gostore\.lock says(.|\n)*version 1\.26\.8`, `gostore shell`},
	{"another profile's", "path-stale", Warning, func(k *kit) {
		k.script(k.at("root/profiles/tests/current/bin/go"), "")
		k.Profiles = append(k.Profiles, ProfileState{Name: "tests", Bin: k.at("root/profiles/tests/current/bin")})
		k.first(k.at("root/profiles/tests/current/bin"))
	}, `go is the one of .*/tests/current/bin, not the one that profile "default" says`, `^export PATH=.*/default/current/bin`},
	{"in another environment", "path-stale", Note, func(k *kit) {
		k.Wanted = append([]Command{{"go", "/elsewhere/go", "go", "1.22.6", k.at("home/p/gostore.lock"), false}}, k.Wanted...)
		k.link(filepath.Join(k.object, "bin", "go"), k.at("env/bin/go"))
		k.set("GOSTORE_ENVIRONMENT", k.at("env"))
		k.first(k.at("env/bin"))
	}, `go is the one of .*/env/bin, not`, `gostore shell`},
	{"", "path-missing", Warning, func(k *kit) { k.set("PATH", k.at("empty")) },
		`the profile's directory is not there`, `^export PATH=.*/profiles/default/current/bin:"\$PATH"$`},
	{"", "path-duplicate", Note, func(k *kit) {
		k.script(k.at("opt/bin/go"), "")
		k.set("PATH", k.getenv("PATH")+":"+k.at("opt/bin"))
	}, `2 others(.|\n)*usr/go/bin/go(.|\n)*opt/bin/go`, `nothing has to be done`},
	{"", "path-alias", Warning, func(k *kit) { k.write(k.at("home/.zshrc"), "alias gofoo=x\n# alias go=x\nalias go=grc-go\n") },
		`~/\.zshrc:3: alias go=grc-go`, `\+3 .*/\.zshrc`},
	{"function", "path-alias", Warning, func(k *kit) { k.write(k.at("home/.config/fish/config.fish"), "function go --wraps go\nend\n") },
		`config\.fish:1: function go`, `\+1 .*config\.fish`},
	{"old function", "path-alias", Warning, func(k *kit) { k.write(k.at("home/.bashrc"), "go-test() { :; }\ngo () {\n}\n") },
		`\.bashrc:2: go \(\) \{`, `\+2 .*bashrc`},
	{"", "path-relative", Warning, func(k *kit) { k.set("PATH", k.getenv("PATH")+"::node_modules/.bin") },
		`entry 3 of PATH is ""\nentry 4 of PATH is "node_modules`, `take it out`},
	{"", "path-unexpanded", Warning, func(k *kit) {
		k.set("PATH", k.getenv("PATH")+":~/bin")
		k.write(k.at("home/.zshrc"), "\nexport PATH=\"$PATH:~/bin\"\n")
	}, `entry 3 of PATH is "~/bin"`, `\+2 .*/\.zshrc`},
	{"", "shim-dangling", Problem, func(k *kit) { k.link("/opt/old/gostore", filepath.Join(k.Root, "shims", "gofmt")) },
		`gofmt leads to /opt/old/gostore, which is not there`, `gostore shims`},
}

// TestRightShim has a shim first: which version it starts is decided when it is started.
func TestRightShim(t *testing.T) {
	k := newKit(t)
	k.script(filepath.Join(k.Root, "shims", "go"), "")
	k.first(filepath.Join(k.Root, "shims"))
	k.Wanted[0].Path = "/elsewhere/go"
	k.link("/gone", filepath.Join(k.Root, "shims", ".project")) // not a shim
	if found := k.danglingShims(); found != nil {
		t.Errorf("found %+v", found)
	}
	if found := k.commandsOnPath(); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestShimElsewhere has a shim in a directory of a project's own.
func TestShimElsewhere(t *testing.T) {
	k := newKit(t)
	k.must(os.Chmod(k.Self, 0o755))
	k.link(k.Self, k.at("home/p/.gostore/bin/go"))
	k.first(k.at("home/p/.gostore/bin"))
	if found := k.commandsOnPath(); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestProjectNeedsNoPath has a project whose tool nobody has: "gostore shell" needs nothing on PATH.
func TestProjectNeedsNoPath(t *testing.T) {
	k := newKit(t)
	k.set("PATH", k.at("empty"))
	k.Wanted = []Command{{"tool", "", "tool", "1.0.0", k.at("home/p/gostore.lock"), false}}
	if found := k.commandsOnPath(); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestOwner says who put programs where they are.
func TestOwner(t *testing.T) {
	k := newKit(t)
	k.mkdir(k.at("usr/go/pkg"))
	k.set("GOROOT", "/opt/root")
	for path, want := range map[string]string{
		k.at("usr/go/bin/go"):              "a Go toolchain in " + k.at("usr/go"),
		k.at("home/go/bin/go1.22.6"):       "installed by go install",
		"/usr/local/go/bin/go":             "the archive of go.dev, unpacked to /usr/local/go",
		"/usr/lib/go-1.19/bin/go":          "a package of the distribution",
		"/bin/go":                          "a package of the distribution",
		"/snap/bin/go":                     "a snap package",
		"/opt/homebrew/bin/go":             "Homebrew's",
		"/home/x/.asdf/shims/go":           "of asdf",
		"/home/x/.local/share/mise/shims/": "of mise",
		"/opt/root/bin/go":                 "of GOROOT",
		"/srv/x/go":                        "somebody's",
		k.at("home/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.21.0.linux-amd64/bin/go"): "downloaded by the go command (GOTOOLCHAIN)",
	} {
		if got := k.owner(hit{filepath.Dir(path), path, path}); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestVersionOf asks the programs that run this test.
func TestVersionOf(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if v := versionOf(self); v != "" && v[0] != 'v' {
		t.Errorf("this test is %q", v)
	}
	if v := versionOf(filepath.Join(t.TempDir(), "missing")); v != "" {
		t.Errorf("what is not there is %q", v)
	}
}

// managed makes the profile's go come after another manager's.
func managed(k *kit, dir string) {
	k.script(filepath.Join(dir, "go"), "")
	k.first(dir)
}

var managerCases = []testCase{
	{"asdf", "manager-wins", Warning, func(k *kit) {
		managed(k, k.at("home/.asdf/shims"))
		k.write(k.at("home/.bashrc"), "\n. \"$HOME/.asdf/asdf.sh\"\n")
	}, `asdf decides which go is started(.|\n)*~/\.asdf/shims is on PATH\n~/\.bashrc:2: `, `current/bin(.|\n)*gostore import-from asdf`},
	{"before the profile's", "manager-wins", Warning, func(k *kit) {
		k.Wanted[0].From, k.Wanted[0].OfProfile = k.at("home/p/gostore.lock"), false // and the profile has it too
		managed(k, k.at("home/.asdf/shims"))
	}, `asdf decides`, `^export PATH=.*/profiles/default/current/bin`},
	{"mise", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.local/share/mise/shims")) }, `mise decides`, `import-from mise`},
	{"goenv", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.goenv/shims")); k.set("GOENV_ROOT", k.at("home/.goenv")) },
		`goenv decides(.|\n)*GOENV_ROOT=~/\.goenv`, `import-from goenv`},
	{"gvm", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.gvm/gos/go1.21/bin")) }, `gvm decides`, `import-from gvm`},
	{"g", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.g/go/bin")) }, `g decides`, `current/bin`},
	{"Hermit", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.cache/hermit/pkg/go-1.21/bin")) }, `Hermit decides`, `current/bin`},
	{"Nix", "manager-wins", Warning, func(k *kit) { managed(k, k.at("home/.nix-profile/bin")) }, `Nix decides`, `current/bin`},
	{"nvm", "manager-wins", Warning, func(k *kit) {
		k.Wanted = append(k.Wanted, Command{"node", "/elsewhere/node", "node", "22.1.0", k.at("home/p/gostore.lock"), false})
		k.script(k.at("home/.nvm/versions/node/v20.0.0/bin/node"), "")
		k.first(k.at("home/.nvm/versions/node/v20.0.0/bin"))
	}, `nvm decides which node`, `gostore shell`},
	{"volta", "manager-beside", Note, func(k *kit) {
		k.Wanted = append(k.Wanted, Command{"node", "", "node", "22.1.0", "p", false})
		k.set("VOLTA_HOME", k.at("home/.volta"))
	}, `volta is set up as well(.|\n)*VOLTA_HOME=~/\.volta`, `both can stay`},
	{"fnm", "manager-beside", Note, func(k *kit) {
		k.Wanted = append(k.Wanted, Command{"node", "", "node", "22.1.0", "p", false})
		k.write(k.at("home/.zshrc"), "eval \"$(fnm env)\"\n")
	}, `~/\.zshrc:1: eval`, `both can stay`},
	{"", "direnv-unused", Note, func(k *kit) {
		k.Project.Lock = k.at("home/p/gostore.lock")
		k.write(k.at("home/p/.envrc"), "export A=1\n")
		k.set("DIRENV_DIR", "-/somewhere")
	}, `no line "use gostore"`, `echo 'use gostore' >>.*/\.envrc && direnv allow`},
}

// TestManagersOfOtherTools has managers for tools that gostore does not have here.
func TestManagersOfOtherTools(t *testing.T) {
	k := newKit(t)
	k.set("NVM_DIR", k.at("home/.nvm"))
	k.Project.Lock = k.at("home/p/gostore.lock")
	k.write(k.at("home/p/.envrc"), "use gostore\n")
	k.set("DIRENV_DIR", "-/somewhere")
	if found := append(k.managers(), k.direnv()...); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestHookLine wants the line of the shell that somebody uses.
func TestHookLine(t *testing.T) {
	for shell, want := range map[string]string{
		"/usr/bin/zsh": `eval "$(gostore hook zsh)"`, "/bin/bash": `eval "$(gostore hook bash)"`,
		"/usr/bin/fish": "gostore hook fish | source", "": `eval "$(gostore hook bash)"`,
	} {
		h := &Host{Environ: []string{"SHELL=" + shell}}
		if got := h.hookLine(); got != want {
			t.Errorf("SHELL=%q: %s, want %s", shell, got, want)
		}
	}
}

// TestProjectsVariables wants no complaint about what a hook applied for the project, and one about the same where nobody did.
func TestProjectsVariables(t *testing.T) {
	h := &Host{Environ: []string{"GOFLAGS=-mod=mod"}}
	if len(h.goflags()) != 1 {
		t.Error("nothing is said of what somebody set")
	}
	h.Before = []string{"HOME=/none"}
	if found := h.goflags(); len(found) != 0 {
		t.Errorf("the project's own variable is found: %v", found)
	}
	h.Before = h.Environ
	if len(h.goflags()) != 1 {
		t.Error("nothing is said of what was there before the hook")
	}
}
