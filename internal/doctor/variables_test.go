package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"gostore/internal/goenv"
)

// goEnv writes the file of "go env -w" on a machine.
func goEnv(k *kit, text string) { k.write(goenv.Default(runtime.GOOS, k.getenv), text) }

var variableCases = []testCase{
	{"in a start file too", "goroot-stale", Problem, func(k *kit) {
		k.set("GOROOT", k.at("usr/go"))
		k.mkdir(k.at("usr/go/pkg"))
		k.write(k.at("home/.bashrc"), "\n\nexport GOROOT="+k.at("usr/go")+"\n")
	}, `version does not match(.|\n)*environment of this process: GOROOT=(.|\n)*~/\.bashrc:3: export GOROOT(.|\n)*is 1\.19\.8\n.*is 1\.26\.8`,
		`^unset GOROOT\n\$\{EDITOR:-vi\} \+3 .*/\.bashrc$`},
	{"leads nowhere", "goroot-stale", Problem, func(k *kit) { k.set("GOROOT", "/usr/lib/go-1.4") }, `where no Go is`, `unset GOROOT`},
	{"in the file of go env -w", "goroot-stale", Problem, func(k *kit) { goEnv(k, "GOROOT=/gone\n") }, `go/env:1: GOROOT=/gone`, `go env -u GOROOT`},
	{"for shells to come", "goroot-stale", Warning, func(k *kit) { k.write(k.at("etc/profile.d/go.sh"), "export GOROOT=/gone\n") },
		`profile\.d/go\.sh:1: `, `\+1 .*/etc/profile\.d/go\.sh`},
	{"", "goroot-needless", Note, func(k *kit) { k.set("GOROOT", k.object) }, `what the go command finds by itself`, `unset GOROOT`},
	{"", "gotoolchain-fixed", Warning, func(k *kit) { goEnv(k, "# x\nGOTOOLCHAIN=go1.21.0\n") }, `starts go1\.21\.0(.|\n)*go/env:2: `, `go env -u GOTOOLCHAIN`},
	{"", "goflags-wrong", Problem, func(k *kit) { k.set("GOFLAGS", "-tags a") }, `"a" is no flag`, `unset GOFLAGS`},
	{"", "goflags-set", Note, func(k *kit) { k.set("GOFLAGS", "-buildvcs=false") }, `-buildvcs=false`, `unset GOFLAGS`},
	{"that bites", "goflags-set", Warning, func(k *kit) { k.set("GOFLAGS", "-mod=mod") }, `-mod=mod: go\.mod`, `unset GOFLAGS`},
	{"", "go111module-set", Warning, func(k *kit) { k.set("GO111MODULE", "off") }, `go\.mod is not read`, `unset GO111MODULE`},
	{"auto", "go111module-set", Note, func(k *kit) { k.set("GO111MODULE", "auto") }, `without a go\.mod`, `unset GO111MODULE`},
	{"", "checksums-off", Warning, func(k *kit) { k.set("GOSUMDB", "off") }, `GOSUMDB=off`, `unset GOSUMDB`},
	{"for all", "checksums-off", Warning, func(k *kit) { goEnv(k, "GOINSECURE=a.example,*\n") }, `GOINSECURE`, `go env -u GOINSECURE`},
	{"", "goenv-broken", Warning, func(k *kit) { goEnv(k, "GOPROXY=direct\nGOFLAGS -v\n") }, `go/env:2: GOFLAGS -v`, `\+2 .*go/env`},
	{"with space before it", "goenv-broken", Warning, func(k *kit) { goEnv(k, "GOPROXY=direct\n GOFLAGS=-v\n") }, `go/env:2: GOFLAGS=-v`, `\+2 .*go/env`},
	{"", "goenv-unused", Note, func(k *kit) { goEnv(k, "GOPROXY=direct\n"); k.set("GOENV", "off") }, `go/env:1: GOPROXY=direct`, `unset GOENV`},
	{"cache", "directory-wrong", Problem, func(k *kit) { k.set("GOCACHE", "off") }, `GOCACHE is off`, `unset GOCACHE`},
	{"relative", "directory-wrong", Problem, func(k *kit) { goEnv(k, "GOPATH=go\n") }, `GOPATH is "go"`, `go env -u GOPATH`},
	{"tilde", "directory-wrong", Problem, func(k *kit) { k.set("GOBIN", "~/bin") }, `~ that no shell replaced`, `unset GOBIN`},
	{"temporary", "directory-wrong", Problem, func(k *kit) { k.set("GOTMPDIR", k.at("gone")) }, `which is not there`, `unset GOTMPDIR`},
	{"no home", "directory-wrong", Problem, func(k *kit) { k.set("HOME", "") }, `neither HOME nor GOCACHE`, `export HOME=`},
	{"", "platform-set", Warning, func(k *kit) { k.set("GOARCH", "arm64") }, `GOARCH is arm64`, `unset GOARCH`},
}

// TestSameDirectory has GOPATH and GOROOT name one directory, which is wrong with both.
func TestSameDirectory(t *testing.T) {
	k := newKit(t)
	k.set("GOPATH", k.object)
	k.set("GOROOT", k.object)
	found := k.goDirectories()
	if len(found) != 1 || found[0].ID != "directory-wrong" || !slices.Contains(found[0].Mend, "unset GOPATH") {
		t.Errorf("found %+v", found)
	}
}

// TestUsualSettings has what is set for good reasons.
func TestUsualSettings(t *testing.T) {
	k := newKit(t)
	k.Environ = append(k.Environ, "GOTOOLCHAIN=local", "GO111MODULE=on", "GOPRIVATE=corp.example/*", "GOSUMDB=sum.golang.org", "GOPATH="+k.at("home/go"),
		"GOFLAGS=", "CGO_ENABLED=0", "GOARCH=amd64", "GOENV=off")
	for _, f := range variablesProbe.run(t.Context(), k.Host) {
		t.Errorf("found %+v", f)
	}
	k.set("GOTOOLCHAIN", "go"+goodVersion) // the one that is wanted
	if found := k.gotoolchain(); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestOrderOfSettings says which layer counts.
func TestOrderOfSettings(t *testing.T) {
	k := newKit(t)
	k.write(filepath.Join(k.at("usr/go"), "go.env"), "GOPROXY=toolchain\n")
	k.set("PATH", k.at("usr/go/bin"))
	k.write(k.at("home/.zshenv"), "export GOPROXY=start\n")
	if v := effective(k.settings("GOPROXY")); v != "toolchain" {
		t.Errorf("got %q", v)
	}
	goEnv(k, "GOPROXY=file\n")
	if v := effective(k.settings("GOPROXY")); v != "file" {
		t.Errorf("got %q", v)
	}
	k.set("GOPROXY", "process")
	list := k.settings("GOPROXY")
	if v := effective(list); v != "process" || len(list) != 4 || len(evidence(list)) != 3 {
		t.Errorf("got %q of %+v", v, list)
	}
	k.set("GOENV", k.at("home/mine"))
	k.set("GOPROXY", "")
	k.write(k.at("home/mine"), "GOPROXY=mine\n")
	if v := effective(k.settings("GOPROXY")); v != "mine" {
		t.Errorf("got %q", v)
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"A=1", "# x\n\nA=1\r\n", "=", "A B=1", "\x00=\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range parseMounts(text) {
			if len(m.options) == 0 {
				t.Errorf("%q: %+v", text, m)
			}
		}
		_ = hookProgram(text)
		urls, _ := moduleProxies(text)
		for _, u := range urls {
			_ = badProxy(u)
		}
	})
}

// TestHomes says which home a user has who has no HOME.
func TestHomes(t *testing.T) {
	if homeOf(0) != "/root" || homeOf(1000) == "/root" {
		t.Error("root's home is /root, and nobody else's")
	}
	if exists(filepath.Join(os.TempDir(), "no such file")) {
		t.Error("there is no such file")
	}
}
