// Package tests runs gostore from the outside: scripts of commands against an upstream on the loopback
// interface.
//
// A script (testdata/script/*.txtar) is what package testscript documents, with these commands more:
//
//	exits N COMMAND…       runs a command that must exit with status N
//	fault KEY=VALUE…       makes the upstream misbehave; upstream.Server.Apply says how
//	nofault                ends all faults
//	requests N PART        the upstream was asked N times for something with PART in its path
//	norequests             forgets the requests so far
//	mirror DIR KEY…        writes a mirror of toolchains for file:// URLs; -db adds the checksum database
//	pack FILE DIR          makes an archive of a directory, of the kind that FILE's name says, or a copy of a file
//	sums FILE PATTERN…     writes the SHA-256 of files, as sha256sum does, with their last names
//	expand FILE            puts the values of variables, as $FILES, into a file
//	npm DIR PACKAGE.JSON   publishes a directory in the npm registry at $FILES/npm, with what the JSON says of it
//	elf FILE KEY=VALUE…    writes a program without code for which machine=, interpreter=, needs= and wants= say what it needs
//	spoil PATTERN          changes the last byte of the one file that the pattern matches
//
// Each script has an upstream, a home and a store of its own: $URL, $HOME, $GOSTORE_ROOT; $HOST is the
// platform, such as linux/amd64, $OS and $ARCH its halves, and $KEY its form in names of modules, linux-amd64. What lies in the
// directory "site" is served at $FILES.
package tests

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gostore/cmd"
	"gostore/internal/release"
	"gostore/tests/quick"
	"gostore/tests/upstream"
)

// keyVariable carries the verifier key of a script's upstream to the gostore that this test binary is when
// started under that name. The real gostore does not read it.
const keyVariable = "GOSTORE_TEST_VERIFIER_KEY"

func TestMain(m *testing.M) {
	beTracer()
	// Under the name of a command this is a shim, as gostore would be.
	if name := filepath.Base(os.Args[0]); name != "withoutsockets" && !strings.HasSuffix(name, ".test") && !strings.HasPrefix(name, "gostore") {
		os.Exit(gostore())
	}
	commands := map[string]func(){
		"gostore":         func() { os.Exit(gostore()) },
		"gostore-counted": counted,
		"withoutsockets":  withoutSockets,
	}
	run := running(m.Run)
	if commands[filepath.Base(os.Args[0])] == nil {
		remove := quick.Temp() // now: testscript begins with temporary files
		run = func() int {
			defer remove()
			return m.Run()
		}
	}
	testscript.Main(run, commands)
}

// running is a testscript.TestingM.
type running func() int

// Run runs the tests.
func (r running) Run() int { return r() }

// gostore is gostore with the checksum database of the tests, which waits between attempts for a moment only.
func gostore() int { return cmd.Process(os.Getenv(keyVariable), shortly) }

// shortly waits for a hundredth of d.
func shortly(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d / 100):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// quickExit makes a gostore that detects races, as this test binary may be, not wait for a second when it ends.
const quickExit = "GORACE=atexit_sleep_ms=0"

// serverKey is the key of a script's *upstream.Server among its values.
type serverKey struct{}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"elf":   elfFile,
			"exits": exits, "fault": fault, "nofault": nofault, "requests": requests,
			"norequests": norequests, "mirror": mirror, "spoil": spoil, "pack": pack, "sums": sums, "expand": expand, "npm": npmPublish,
		},
	})
}

func setup(env *testscript.Env) error {
	server, err := upstream.New(upstream.Config{Files: filepath.Join(env.WorkDir, "site")})
	if err != nil {
		return err
	}
	env.Defer(server.Close)
	env.Values[serverKey{}] = server
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	host := release.Host()
	for name, value := range map[string]string{
		"HOME": home, "GOSTORE_ROOT": filepath.Join(env.WorkDir, ".root"), "GOPROXY": server.URL,
		keyVariable: server.Key, "GOENV": "off", "GOROOT": "", "GOTOOLCHAIN": "",
		"URL": server.URL, "FILES": server.URL + "/files", "NPM_CONFIG_REGISTRY": server.URL + "/files/npm", "OS": host.OS, "ARCH": host.Arch, "HOST": host.String(), "KEY": host.OS + "-" + host.Arch,
	} {
		env.Setenv(name, value)
	}
	env.Vars = append(env.Vars, quickExit)
	env.Defer(func() { unseal(env.WorkDir) })
	return nil
}

// unseal makes the directories of a store writable, so that they can be removed.
func unseal(dir string) {
	filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
}

func server(ts *testscript.TestScript) *upstream.Server {
	return ts.Value(serverKey{}).(*upstream.Server)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND...")
	}
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

func fault(ts *testscript.TestScript, _ bool, args []string) {
	query := url.Values{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		query.Set(key, value)
	}
	ts.Check(server(ts).Apply(query))
}

func nofault(ts *testscript.TestScript, _ bool, _ []string) { server(ts).ClearFaults() }

func requests(ts *testscript.TestScript, neg bool, args []string) {
	got, _ := server(ts).Count(args[1])
	if want, err := strconv.Atoi(args[0]); err != nil || (got == want) == neg {
		ts.Fatalf("%d requests for %q, want %s", got, args[1], args[0])
	}
}

func norequests(ts *testscript.TestScript, _ bool, _ []string) { server(ts).ClearRequests() }

func mirror(ts *testscript.TestScript, _ bool, args []string) {
	database := slices.Contains(args, "-db")
	args = slices.DeleteFunc(args, func(a string) bool { return a == "-db" })
	ts.Check(server(ts).WriteMirror(ts.MkAbs(args[0]), args[1:], database))
}

func spoil(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%d files match %q, want 1", len(found), args[0])
	}
	data, err := os.ReadFile(found[0])
	ts.Check(err)
	data[len(data)-1] ^= 1
	ts.Check(os.Chmod(found[0], 0o644))
	ts.Check(os.WriteFile(found[0], data, 0o644))
	ts.Check(os.Chmod(found[0], 0o444))
}
