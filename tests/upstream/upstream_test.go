package upstream

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/release"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServesWhatItLists(t *testing.T) {
	s := Start(t, Config{})
	_, list := get(t, s.URL+"/golang.org/toolchain/@v/list")
	if !strings.Contains(list, "v0.0.1-go1.22.6.linux-amd64\n") || strings.Contains(list, "rc1") ||
		strings.Contains(list, "1.20.14.windows") {
		t.Errorf("list is\n%s", list)
	}
	linux := release.Platform{OS: "linux", Arch: "amd64"}
	code, zip := get(t, s.URL+"/golang.org/toolchain/@v/v0.0.1-go1.27rc1.linux-amd64.zip")
	if code != 200 || zip != string(s.Zip("1.27rc1", linux)) {
		t.Errorf("zip: status %d, %d bytes", code, len(zip))
	}
	_, record := get(t, s.URL+"/sumdb/"+Host+"/lookup/golang.org/toolchain@v0.0.1-go1.27rc1.linux-amd64")
	if want := "\ngolang.org/toolchain v0.0.1-go1.27rc1.linux-amd64 " + HashZip([]byte(zip)) + "\n"; !strings.Contains(record, want) {
		t.Errorf("record %q lacks %q", record, want)
	}
	for _, missing := range []string{"/golang.org/toolchain/@v/v0.0.1-go1.20.14.windows-amd64.zip",
		"/sumdb/" + Host + "/lookup/golang.org/toolchain@v0.0.1-go1.20.14.windows-amd64"} {
		if code, _ := get(t, s.URL+missing); code != 404 {
			t.Errorf("%s: status %d", missing, code)
		}
	}
	if n, bytes := s.Count(".zip"); n != 2 || bytes < int64(len(zip)) {
		t.Errorf("counted %d requests for zips and %d bytes", n, bytes)
	}
}

func TestToolchainRuns(t *testing.T) {
	dir := t.TempDir()
	for name, data := range Files("1.22.6.linux-amd64", 0) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "go")
	if err := os.Symlink(filepath.Join(dir, "bin/go"), link); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, _ := exec.Command(link, args...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	if got := run("version"); got != "go version go1.22.6 linux/amd64" {
		t.Errorf("go version printed %q", got)
	}
	t.Setenv("SOME", "it's \"$HOME\"")
	real, _ := filepath.EvalSymlinks(dir)
	if got := run("env", "GOROOT", "SOME"); got != real+"\nit's \"$HOME\"" {
		t.Errorf("go env printed %q", got)
	}
	err := exec.Command(link, "exit", "7").Run()
	if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 7 {
		t.Errorf("go exit 7: %v", err)
	}
}

func TestFaultsFromAScript(t *testing.T) {
	s := Start(t, Config{})
	url := s.URL + "/golang.org/toolchain/@v/list"
	if code, _ := get(t, s.URL+"/-/fault?path=list&status=503&times=1"); code != 200 {
		t.Fatalf("setting a fault: %d", code)
	}
	if code, _ := get(t, url); code != 503 {
		t.Errorf("with a fault: %d", code)
	}
	if code, _ := get(t, url); code != 200 {
		t.Errorf("after the fault: %d", code)
	}
	if _, log := get(t, s.URL+"/-/log"); !strings.Contains(log, "GET /golang.org/toolchain/@v/list 503") {
		t.Errorf("log is %q", log)
	}
}

// A mirror holds what cmd/go's own client of the database would ask for.
func TestWriteMirror(t *testing.T) {
	s := Start(t, Config{})
	dir := t.TempDir()
	if err := s.WriteMirror(dir, []string{"1.22.6.linux-amd64"}, true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"golang.org/toolchain/@v/list", "golang.org/toolchain/@v/v0.0.1-go1.22.6.linux-amd64.zip",
		"sumdb/" + Host + "/lookup/golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64", "sumdb/" + Host + "/tile/8/0/000"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
