package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/tests/upstream"
)

// The tests here use the module proxy that this machine is configured with, and real toolchains. They run
// with GOSTORE_TEST_NETWORK=1; then nothing in them may skip.

// modulesSince is the first Go release that knows modules well enough to build one offline from
// its go.sum; older ones build from a GOPATH.
const modulesSince = "go1.13"

// dependency is the module that the tests' programs need: small, and fit for every Go.
const dependency = "github.com/pkg/errors@v0.9.1"

func needNetwork(t *testing.T) {
	t.Helper()
	if os.Getenv("GOSTORE_TEST_NETWORK") != "1" {
		t.Skip("uses real toolchains from the configured module proxy; GOSTORE_TEST_NETWORK=1 runs it")
	}
	if testing.Short() {
		t.Skip("downloads real toolchains")
	}
}

// realWorld is a world whose upstream is the configured module proxy, with the public checksum database.
func realWorld(t *testing.T) *world {
	t.Helper()
	needNetwork(t)
	w := newWorld(t, upstream.Config{})
	w.environ = append(w.environ, "GOPROXY="+configuredProxy(t), keyVariable+"=", "GOCACHE="+t.TempDir())
	return w
}

// configuredProxy returns the module proxies that this machine is configured with.
func configuredProxy(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// served lists the Go releases that the proxy lists for this platform, oldest first.
func served(t *testing.T) []string {
	t.Helper()
	source, err := goproxy.New(goproxy.Config{Proxies: configuredProxy(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	versions, err := source.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(versions) < 2 {
		t.Fatalf("the proxy lists %q", versions)
	}
	return versions
}

// The oldest and the newest release that the proxy serves, the oldest with modules, and two neighbours: each says its
// version, and builds, vets, tests and runs a program with a dependency and with C in it, from its
// read-only tree.
func TestNetworkToolchains(t *testing.T) {
	w := realWorld(t)
	versions := served(t)
	firstWithModules := ""
	for _, v := range versions {
		if version.Compare("go"+v, modulesSince) >= 0 {
			firstWithModules = v
			break
		}
	}
	source := downloadDependency(t)
	for _, v := range []string{versions[0], firstWithModules, "1.22.5", "1.22.6", versions[len(versions)-1]} {
		t.Run("go"+v, func(t *testing.T) {
			w := *w
			w.t = t
			if got := w.sh("gostore shell -q go@" + v + " -- go version"); !strings.Contains(got, "go"+v+" "+release.Host().String()) {
				t.Errorf("says %q", got)
			}
			if version.Compare("go"+v, modulesSince) < 0 {
				w.buildInGOPATH(v, source)
			} else {
				w.buildModule(v)
			}
		})
	}
	// The use of the trees must not have changed them.
	if got := w.sh("gostore verify -q"); strings.Contains(got, "damaged") {
		t.Error(got)
	}
}

// The program has a dependency, a test, and C.
const (
	programText = `package main

// #include <stdlib.h>
import "C"

import (
	"fmt"

	"github.com/pkg/errors"
)

func answer() int { return int(C.abs(-42)) }

func main() { fmt.Println(answer(), errors.New("no error")) }
`
	programTest = `package main

import "testing"

func TestAnswer(t *testing.T) {
	if answer() != 42 {
		t.Fatal(answer())
	}
}
`
	programMod = "module example.com/program\n\ngo 1.13\n\nrequire github.com/pkg/errors v0.9.1\n"
	programSum = `github.com/pkg/errors v0.9.1 h1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=
github.com/pkg/errors v0.9.1/go.mod h1:bwawxfHBFNV+L2hUp1rHADufV3IMtnDRdf1r5NINEl0=
`
)

// checkProgram builds, vets, tests and runs the program in dir. Some old releases came without vet.
func (w *world) checkProgram(v, dir, environ string) {
	w.t.Helper()
	in := func(line string) string {
		return w.sh(fmt.Sprintf("cd %s && %s gostore shell -q go@%s -- %s", dir, environ, v, line))
	}
	in("go build -o ./program .")
	if got := w.sh(filepath.Join(dir, "program")); got != "42 no error\n" {
		w.t.Errorf("the program says %q", got)
	}
	in("go test .")
	if vet := filepath.Join("pkg", "tool", release.Host().OS+"_"+release.Host().Arch, "vet"); w.inTree(v, vet) {
		in("go vet .")
	}
}

// inTree reports whether a release has a file.
func (w *world) inTree(v, name string) bool {
	w.t.Helper()
	root := strings.TrimSpace(w.sh("gostore shell -q go@" + v + " -- go env GOROOT"))
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

// buildModule checks the program as a module, the dependency coming from the proxy.
func (w *world) buildModule(v string) {
	dir := filepath.Join(w.t.TempDir(), "program")
	w.write(dir, map[string]string{
		"main.go": programText, "main_test.go": programTest, "go.mod": programMod, "go.sum": programSum,
	})
	w.checkProgram(v, dir, "GOPATH="+w.temp())
}

// buildInGOPATH checks the program below a GOPATH that holds the dependency.
func (w *world) buildInGOPATH(v, source string) {
	path := w.t.TempDir()
	dir := filepath.Join(path, "src", "program")
	w.write(dir, map[string]string{"main.go": programText, "main_test.go": programTest})
	if err := os.CopyFS(filepath.Join(path, "src", "github.com", "pkg", "errors"), os.DirFS(source)); err != nil {
		w.t.Fatal(err)
	}
	w.checkProgram(v, dir, "GOPATH="+path)
}

// temp returns a new directory, which is removed even if read-only directories are made in it.
func (w *world) temp() string {
	dir := w.t.TempDir()
	w.t.Cleanup(func() { unseal(dir) })
	return dir
}

// write makes files in a new directory.
func (w *world) write(dir string, files map[string]string) {
	w.t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

// downloadDependency returns the directory of the dependency's source.
func downloadDependency(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", dependency).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Dir
}

// A lock made through the real proxy names every platform that the checksum database knows, and an install from it
// verifies from the kept proof when the database is out of reach.
func TestNetworkProofReplacesTheDatabase(t *testing.T) {
	w := realWorld(t)
	w.sh("gostore lock go@1.26.10")
	text, err := os.ReadFile(filepath.Join(w.dir, "gostore.lock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"} {
		if !bytes.Contains(text, []byte(`"`+platform+`" = {`)) {
			t.Errorf("no %s in\n%s", platform, text)
		}
	}
	// A directory as proxy, and no other: there is no database to ask.
	mirror := t.TempDir()
	version := "v0.0.1-go1.26.10." + release.Host().OS + "-" + release.Host().Arch
	w.sh(fmt.Sprintf("go mod download golang.org/toolchain@%s && cp $(go env GOMODCACHE)/cache/download/golang.org/toolchain/@v/%s.zip %s",
		version, version, mirror))
	at := filepath.Join(mirror, "golang.org", "toolchain", "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(mirror, version+".zip"), filepath.Join(at, version+".zip")); err != nil {
		t.Fatal(err)
	}
	got := w.sh("GOPROXY=file://" + mirror + " gostore shell -- go version")
	if !strings.Contains(got, "go1.26.10") || strings.Contains(got, "nobody else vouches") {
		t.Errorf("says %q", got)
	}
}

// What does not exist is said, with what does.
func TestNetworkUnknownVersion(t *testing.T) {
	w := realWorld(t)
	out, err := w.command("gostore lock go@1.22.99").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "go@1.22.99 does not exist") || !strings.Contains(string(out), "1.22.1") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "gostore.lock")); !os.IsNotExist(err) {
		t.Errorf("a lock was written: %v", err)
	}
}
