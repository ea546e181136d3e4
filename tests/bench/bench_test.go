package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gostore/cmd"
	"gostore/tests/bench/figures"
	"gostore/tests/bench/report"
	"gostore/tests/bench/rounds"
	"gostore/tests/upstream"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "gostore" {
		os.Exit(cmd.Main())
	}
	os.Exit(m.Run())
}

const empty = `by hand
<!-- measured: machine -->
<!-- end -->
<!-- measured: targets -->
<!-- end -->
<!-- measured: tables -->
<!-- end -->
by hand as well
`

// world is what a run of the benchmark needs here: toolchains that are small, this program as gostore, and on PATH nothing but
// the commands that are named.
func world(t *testing.T, commands ...string) (dir, document string) {
	t.Helper()
	server := upstream.Start(t, upstream.Config{})
	dir, bin := t.TempDir(), t.TempDir()
	t.Cleanup(func() { rounds.Remove(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"gostore": self}
	for _, name := range commands {
		if links[name], err = exec.LookPath(name); err != nil {
			t.Skipf("%s is not on this machine", name)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"PATH": bin, "GOPROXY": server.URL, "GOENV": "off", "GORACE": "atexit_sleep_ms=0"} {
		t.Setenv(name, value)
	}
	document = filepath.Join(dir, "performance.md")
	if err := os.WriteFile(document, []byte(empty), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, document
}

func TestRun(t *testing.T) {
	dir, document := world(t, "go", "sh", "find", "xargs", "sha256sum")
	args := []string{"-dir", dir, "-plain", "-unsynced", "-quick", "-runs", "1", "-only", "verify", "-gostore", os.Getenv("PATH"), "-write", document}
	if err := run(t.Context(), args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	text := content(t, document)
	for _, want := range []string{"by hand\n", "by hand as well\n", "### Verify a Go toolchain", "| **gostore verify OBJECT** |", "| **gostore verify, the store with it** |", "| sha256sum of its files",
		"Not compared: nix-store, which is not on this machine.", "not measured here", "| b3sum | not there |", "(performance/verify.svg)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q:\n%s", want, text)
		}
	}
	plot := content(t, filepath.Join(dir, "performance", "verify.svg"))
	if !strings.Contains(plot, "gostore verify") {
		t.Errorf("the plot lacks gostore:\n%s", plot)
	}
	if err := run(t.Context(), []string{"-render", "-write", document}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if again := content(t, document); again != text {
		t.Errorf("rendered from the runs that were kept it is\n%s", again)
	}
	left, err := filepath.Glob(filepath.Join(dir, "gostore-bench-[0-9]*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A failure of one comparison is told, leaves nothing behind and keeps the document as it was.
func TestRunFails(t *testing.T) {
	dir, document := world(t, "go", "sh")
	args := []string{"-dir", dir, "-plain", "-unsynced", "-runs", "1", "-only", "verify", "-gostore", filepath.Join(dir, "nowhere"), "-write", document}
	err := run(t.Context(), args, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "verify: ") {
		t.Errorf("got %v, want an error that names the comparison", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, args, io.Discard, io.Discard); err == nil {
		t.Error("a run that was interrupted succeeded")
	}
	if text := content(t, document); text != empty {
		t.Errorf("the document became\n%s", text)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "gostore-bench-[0-9]*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUsage(t *testing.T) {
	document := filepath.Join(t.TempDir(), "other.md")
	if err := os.WriteFile(document, []byte("by hand\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"no such comparison": {"-only", "zip,zap"},
		"-write FILE":        {"-render"},
		"no place for":       {"-write", document},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", args, err, want)
		}
	}
}

// TestDocument holds the document and its plots against the runs that they were made of.
func TestDocument(t *testing.T) {
	const document = "../../docs/performance.md"
	file, err := read("../../docs/performance/runs.json")
	if err != nil {
		t.Fatal(err)
	}
	text := content(t, document)
	want, err := report.Rewrite(text, sections(file, "performance"))
	if err != nil {
		t.Fatal(err)
	}
	if text != want {
		t.Errorf("%s is not what its runs say: go run ./tests/bench -render -write docs/performance.md", document)
	}
	for _, table := range file.Tables {
		if err := table.Check(); err != nil {
			t.Error(err)
		}
		if plot := content(t, filepath.Join("../../docs/performance", table.Name+".svg")); plot != report.Plot(table) {
			t.Errorf("%s.svg is not what its runs say", table.Name)
		}
	}
	if string(encode(file)) != content(t, "../../docs/performance/runs.json") {
		t.Error("runs.json was changed by hand")
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	file := figures.File{Machine: []figures.Fact{{Name: "a", Value: `"b"`}}, Tables: []figures.Table{{Name: "t", Arms: []figures.Arm{{Name: "x", Runs: []float64{1.5}}}}}}
	name := filepath.Join(t.TempDir(), "runs.json")
	if err := os.WriteFile(name, encode(file), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := read(name)
	if err != nil || string(encode(got)) != string(encode(file)) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// content returns the contents of a file.
func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
