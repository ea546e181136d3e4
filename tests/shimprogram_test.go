package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// gostore-shim starts what is known by itself, and gostore does the rest under the name of the command: the answers are the same as
// those of a shim that is gostore.
func TestShimProgram(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("builds two programs, which needs a go command")
	}
	w := newWorld(t, upstream.Config{})
	bin := filepath.Join(filepath.Dir(w.dir), "programs")
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/gostore", "./cmd/gostore-shim")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, out)
	}
	small := filepath.Join(bin, "gostore-shim")
	// The tool says which program it was started by, and what it got.
	w.sh(`mkdir -p sdk/bin && printf '#!/bin/sh\necho "ran $0 $* [$SET]"\n' >sdk/bin/tool && chmod +x sdk/bin/tool`)
	w.sh(`printf '[env]\nSET = "by the project"\n' >gostore.toml`)
	w.sh("PATH=" + bin + ":$PATH; gostore lock sdk@1 --path sdk && gostore install && gostore shims")
	shims := w.root("shims")
	if target, err := os.Readlink(filepath.Join(shims, "tool")); err != nil || target != small {
		t.Fatalf("the shim leads to %q, %v; want %q", target, err, small)
	}
	run := func(line, want string) {
		t.Helper()
		out, err := w.command("PATH=" + shims + ":/usr/bin:/bin; " + line).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		if !strings.Contains(string(out), want) {
			t.Errorf("%s:\n%s\nwant %q", line, out, want)
		}
	}
	run("tool a b", "/bin/tool a b [by the project]")
	run("mkdir -p deep/er && cd deep/er && tool", "[by the project]")

	// It really is the small program that does so: without gostore it still works, and what it cannot do says what is missing.
	gostore := filepath.Join(bin, "gostore")
	if err := os.Rename(gostore, gostore+"-away"); err != nil {
		t.Fatal(err)
	}
	run("tool alone", "/bin/tool alone [by the project]")
	run("cd / && tool 2>&1 || true", `gostore-shim", which starts shims, needs gostore beside it`)
	if err := os.Rename(gostore+"-away", gostore); err != nil {
		t.Fatal(err)
	}

	// What gostore has to explain or to do.
	run("mkdir other && cp gostore.lock gostore.toml other && cp -r sdk other && cd other && tool 2>&1 || true", "the project is not trusted")
	run("cd other && GOSTORE_TRUST=$PWD tool trusted", "/bin/tool trusted [by the project]")
	run("cd / && tool 2>&1 || true", `no tool of the project or of profile "default" has it`)
	run(`mkdir rest && printf '#!/bin/sh\necho rest\n' >rest/tool && chmod +x rest/tool && cd / && PATH=$PATH:`+filepath.Join(w.dir, "rest")+` tool`, "rest")
	run("chmod -R u+w $GOSTORE_ROOT/store && rm -r $GOSTORE_ROOT/store/*-sdk-1 && tool again", "/bin/tool again [by the project]")
	w.sh("PATH=" + bin + ":$PATH; gostore switch")
	run("cd / && tool of the profile", "/bin/tool of the profile []")
}
