package tests

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gostore/tests/snapshot"
	"gostore/tests/upstream"
)

// world is an upstream, a home, a store and a project for tests that scripts cannot express.
type world struct {
	t       *testing.T
	server  *upstream.Server
	dir     string // the project
	environ []string
	as      *syscall.Credential // who runs the commands; nil is who runs the tests
	served  bool                // on a disk that this process serves
}

func newWorld(t *testing.T, c upstream.Config) *world {
	t.Helper()
	top := t.TempDir()
	t.Cleanup(func() { unseal(top) })
	return newWorldIn(t, c, top)
}

// newWorldIn is newWorld in an empty directory of the caller's.
func newWorldIn(t *testing.T, c upstream.Config, top string) *world {
	t.Helper()
	w := &world{t: t, server: upstream.Start(t, c)}
	for _, name := range []string{"home", "project", "bin"} {
		if err := os.Mkdir(filepath.Join(top, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.dir = filepath.Join(top, "project")
	bin := filepath.Join(top, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "gostore")); err != nil {
		t.Fatal(err)
	}
	w.environ = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + filepath.Join(top, "home"),
		"GOSTORE_ROOT=" + filepath.Join(top, "root"), "GOPROXY=" + w.server.URL, "GOENV=off",
		keyVariable + "=" + w.server.Key, "SHELL=/bin/sh", "TMPDIR=" + top, quickExit,
	}
	return w
}

// sh runs a line of shell in the project and returns what it printed; it must succeed.
func (w *world) sh(line string) string {
	w.t.Helper()
	out, err := w.command(line).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// fails runs a line of shell that must exit with a status, and returns what it printed.
func (w *world) fails(status int, line string) string {
	w.t.Helper()
	out, err := w.command(line).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != status {
		w.t.Errorf("%s: %v, want exit status %d\n%s", line, err, status, out)
	}
	return string(out)
}

func (w *world) command(line string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir, cmd.Env = w.dir, w.environ
	if w.served { // a child that waits for this disk before it runs a program stops the collector of garbage, and that all goroutines
		cmd.Dir, cmd.Args = "", []string{"sh", "-c", `cd "$0" && eval "$1"`, w.dir, line}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.as}
	return cmd
}

// awaitPart returns when a partial download has a size.
func (w *world) awaitPart(size int64) {
	w.t.Helper()
	pattern := filepath.Join(filepath.Dir(w.dir), "root", "downloads", "*.part")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		parts, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, part := range parts {
			if fi, err := os.Stat(part); err == nil && fi.Size() >= size {
				return
			}
		}
	}
	w.t.Fatalf("no download reached %d bytes", size)
}

// leftovers returns the stages, discarded objects and temporary files of a store.
func leftovers(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		name := e.Name()
		if strings.HasPrefix(name, ".stage-") || strings.HasPrefix(name, ".trash-") || strings.HasPrefix(name, ".tmp-") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestInterruptedDownload stops an installation half way. Nothing is half made, the exit status says that it
// was interrupted, and the next one goes on with what had arrived.
func TestInterruptedDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{Padding: 4 << 20})
	w.sh("gostore lock go@1.22.6")
	gate := make(chan struct{})
	w.server.Fault(upstream.Fault{Path: ".zip", Gate: gate})
	cmd := w.command("exec gostore install")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 64 { // 1 MiB in pieces of 16 KiB
		gate <- struct{}{}
	}
	w.awaitPart(512 << 10) // what else was sent may not have been read
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("ended with %v, want exit status 130", err)
	}
	if !strings.Contains(stderr.String(), "gostore: hint: nothing is half made; the same command goes on with what was downloaded\n") {
		t.Errorf("stderr: %s", stderr.String())
	}
	w.server.ClearFaults()
	w.server.ClearRequests()
	w.sh("gostore install && gostore verify && gostore shell -- go version")
	_, sent := w.server.Count(".zip")
	if whole := int64(4 << 20); sent > whole-400<<10 {
		t.Errorf("%d bytes were downloaded again of %d", sent, whole)
	}
}

// TestExamples runs every example of every help, those of each command in the same state.
func TestExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.22 go@1.21 && gostore install && gostore install go@1.22.6")
	w.sh("gostore switch go@1.22.5; gostore switch go@1.22.6; gostore switch go@1.23")
	w.sh("mkdir -p ~/src/old-project; cp gostore.lock ~/src/old-project; cd ~/src/old-project; gostore install")
	w.sh("gostore export -o tools.bundle && mkdir -p sdk/bin && echo '#!/bin/sh' >sdk/bin/sdk && chmod +x sdk/bin/sdk && tar -cf sdk.tar.xz sdk")
	w.sh(`mkdir ~/bin && printf '#!/bin/sh\nshift\nexec "$@"\n' >~/bin/ssh && chmod +x ~/bin/ssh`)
	w.sh(`mkdir -p ~/sdk ~/.goenv ~/.asdf ~/go/pkg/mod && cp -r "$(gostore shell -q go@1.22.6 -- go env GOROOT)" ~/sdk/go1.22.6`)
	w.sh("echo golang 1.22.12 >.tool-versions")
	prepared, err := snapshot.Take(filepath.Dir(w.dir), "home", "project", "root")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range append(commands(w.sh("gostore --help")), "") {
		t.Run("gostore "+command, func(t *testing.T) {
			if err := prepared.Restore(); err != nil {
				t.Fatal(err)
			}
			w := &world{t: t, server: w.server, dir: w.dir, environ: w.environ}
			examples := examples(w.sh("gostore " + command + " --help"))
			if len(examples) == 0 {
				t.Error("no examples")
			}
			for _, line := range examples {
				if strings.Contains(line, "example.org") || strings.Contains(line, "npm:") {
					t.Logf("not run, as it needs servers on the internet: %s", line)
					continue
				}
				cmd := w.command(`PATH="$HOME/bin:$PATH"; ` + line)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
			}
		})
	}
}

// commands returns the names in the list of commands of a help.
func commands(help string) []string {
	var names []string
	for _, line := range section(help, "COMMANDS") {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

func examples(help string) []string { return section(help, "EXAMPLES") }

// section returns the indented lines below a heading.
func section(help, heading string) []string {
	_, rest, _ := strings.Cut(help, "\n"+heading+"\n")
	var lines []string
	for line := range strings.Lines(rest) {
		text, indented := strings.CutPrefix(line, "  ")
		if !indented {
			break
		}
		lines = append(lines, strings.TrimSpace(text))
	}
	return lines
}
