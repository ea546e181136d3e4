package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gostore/cmd"
	"gostore/internal/release"
	"gostore/internal/removal"
	"gostore/store"
	"gostore/tests/upstream"
)

// rotKind is a kind of file of a store.
type rotKind struct {
	name    string
	pattern string // of paths below the root
	links   bool   // it is links whose targets rot, not files
	// harmless says why rot in it is not named by verify, by nature.
	harmless string
	then     string // a command that uses it, and to which the rot does not matter; "" for what nothing reads
}

// rotKinds are all kinds of files of a full store. TestRot fails for a file of the store that is of none of them.
var rotKinds = []rotKind{
	{name: "object", pattern: "store/*-go-*/**"},
	{name: "environment", pattern: "store/*-environment-*/**"},
	{name: "object link", pattern: "store/*-environment-*/**", links: true},
	{name: "layer's object", pattern: "store/*-go-*", links: true},
	{name: "content", pattern: "files/*/*"},
	{name: "manifest", pattern: "meta/*.manifest"},
	{name: "description", pattern: "meta/*.json"},
	{name: "index", pattern: "index/*"},
	{name: "index of locks", pattern: "index/lock-*"},
	{name: "generation", pattern: "profiles/*/[0-9]*", links: true},
	{name: "current", pattern: "profiles/*/current", links: true},
	{name: "history", pattern: "profiles/*/history"},
	{name: "project", pattern: "roots/*.json"},
	{name: "trust", pattern: "trust/*"},
	{name: "log", pattern: "log"},
	{name: "log head", pattern: "log.head"},
	{name: "tree head", pattern: "sumdb/*/latest"},
	{name: "tile", pattern: "sumdb/*/tile/**"},
	{name: "proof", pattern: "sumdb/proofs/**"},
	{name: "account", pattern: "verified/state"},
	{name: "format", pattern: "format"}, // no command opens the store then, and the error is about this file
	{name: "readme", pattern: "README", harmless: "people read it, no program does"},
	{name: "filelock", pattern: "profiles/*/filelock", harmless: "its contents are never read: it is locked", then: "generations"},
	{name: "roots' filelock", pattern: "roots/.filelock", harmless: "its contents are never read: it is locked", then: "roots"},
	{name: "heads' filelock", pattern: "sumdb/*/latest.lock", harmless: "its contents are never read: it is locked", then: "list"},
	{name: "links' filelock", pattern: "layers/*", harmless: "its contents are never read: it is locked", then: "list"},
	{name: "readers", pattern: "verified/readers", harmless: "its contents are never read: that it is open says something", then: "gc --dry-run"},
	{name: "spare", pattern: "profiles/*/spare", harmless: "its contents are never read: it is there to be removed", then: "generations"},
	{name: "members", pattern: "meta/*.members", harmless: "a cache with a digest at its end: who reads a damaged one removes it, and unpacks"},
	{name: "download", pattern: "downloads/*", harmless: "nobody knows its digest before it is complete; TestRotInDownload shows that resuming finds it"},
	{name: "shim", pattern: "shims/*", links: true, harmless: "a link to gostore's program; one that leads elsewhere is no shim, and gostore shims says so"},
}

// rotWays are the ways in which a file rots. Each returns what becomes of data, nil for a file that it can do nothing to.
var rotWays = map[string]func(r *rand.Rand, data, other []byte) []byte{
	"bit": func(r *rand.Rand, data, _ []byte) []byte {
		if len(data) == 0 {
			return []byte{1 << r.IntN(8)}
		}
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		return data
	},
	"cut": func(r *rand.Rand, data, _ []byte) []byte {
		if len(data) == 0 {
			return nil
		}
		return data[:r.IntN(len(data))]
	},
	"zeroes": func(r *rand.Rand, data, _ []byte) []byte {
		if len(data) == 0 {
			return nil
		}
		at := r.IntN(len(data)) / 512 * 512
		clear(data[at:min(at+512, len(data))])
		return data
	},
	"swap": func(_ *rand.Rand, _, other []byte) []byte { return other },
}

// rotStore is a full store and a project that uses it.
type rotStore struct {
	*world
	r *rand.Rand
}

// rotVariable makes TestRot and TestRotInLock long, or is the seed of TestRot.
const rotVariable = "GOSTORE_TEST_ROT"

// rotForm returns what chooses at random, and whether everything is tried.
func rotForm(t *testing.T) (seed uint64, all bool) {
	t.Helper()
	if n, err := strconv.ParseUint(os.Getenv(rotVariable), 10, 64); err == nil {
		return n, false
	}
	return uint64(time.Now().UnixNano()), formOf(t, rotVariable, 1).long
}

// TestRot damages one file of a full store after the other, of every kind and in every way, and lets verify look: it has to name the file. What was
// damaged is put back before the next. Afterwards the neighbour of what is damaged is installed: nothing damaged may be in it. It prints the seed,
// and what it tried: of each kind one file with a wrong bit, and one that is damaged in another way. GOSTORE_TEST_ROT=all tries each file in
// each way, GOSTORE_TEST_ROT=SEED that seed.
func TestRot(t *testing.T) {
	seed, all := rotForm(t)
	s := newRotStore(t, seed)
	byKind := s.files()
	tried := map[string]int{}
	for _, kind := range rotKinds {
		files := byKind[kind.name]
		if len(files) == 0 {
			t.Errorf("the store has no %s", kind.name)
			continue
		}
		ways := slices.Sorted(maps.Keys(rotWays))
		if !all {
			ways = []string{"bit", ways[1+s.r.IntN(len(ways)-1)]} // "bit" is the first of them
		}
		if kind.harmless != "" && !all {
			ways = ways[:1]
		}
		for _, way := range ways {
			some := files
			if !all {
				some = files[s.r.IntN(len(files)):][:1]
			}
			for _, file := range some {
				if s.rots(kind, way, file, files) {
					tried[kind.name]++
				}
			}
		}
		if tried[kind.name] == 0 && (all || !kind.links) { // a bit of a link may make a target that no link can have
			t.Errorf("no %s could be damaged", kind.name)
		}
	}
	if damage := s.verify(); len(damage) != 0 {
		t.Errorf("when everything was put back, verify named %q", damage)
	}
	total, harmless := 0, 0
	for _, kind := range rotKinds {
		total += tried[kind.name]
		if kind.harmless != "" {
			harmless += tried[kind.name]
		}
		t.Logf("%s: %d damaged in %d files%s", kind.name, tried[kind.name], len(byKind[kind.name]), whyHarmless(kind))
	}
	t.Logf("seed %d: %d times a file or link was damaged: %d times it was named, %d times it was harmless", seed, total, total-harmless, harmless)
}

func whyHarmless(k rotKind) string {
	if k.harmless == "" {
		return ""
	}
	return "; not named: " + k.harmless
}

func newRotStore(t *testing.T, seed uint64) *rotStore {
	s := &rotStore{newWorld(t, upstream.Config{}), rand.New(rand.NewPCG(seed, 0))}
	layer := filepath.Join(filepath.Dir(s.dir), "layer")
	s.sh("GOSTORE_ROOT='" + layer + "' gostore install -q go@1.20.14 go@1.21.13")
	s.environ = append(s.environ, "GOSTORE_LAYERS="+layer)
	s.sh("gostore lock -q go@1.22.6 go@1.21.0 && gostore install -q && gostore shell -q -- go version && gostore trust -q")
	s.sh("gostore switch -q go@1.22.6; gostore switch -q go@1.23.0; gostore switch -q --profile other go@1.22.6; gostore switch -q --profile other go@1.21.0 && gostore switch -q --profile other go@1.20.14 go@1.21.13")
	s.sh("mkdir ../project2 && cd ../project2 && gostore lock -q go@1.23.0 && gostore install -q && gostore shell -q -- go version && gostore shims -q")
	s.sh("gostore verify -q && echo part >$GOSTORE_ROOT/downloads/x.part && echo part >$GOSTORE_ROOT/downloads/y.part")
	return s
}

// run runs gostore in this process, in the project.
func (s *rotStore) run(args ...string) (status int, stdout, stderr string) {
	var out, diagnosis bytes.Buffer
	c := cmd.Config{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &diagnosis, Environ: s.environ, Dir: s.dir,
		Program: filepath.Join(filepath.Dir(s.dir), "bin", "gostore"), VerifierKey: s.server.Key}
	status = cmd.Run(context.Background(), c)
	return status, out.String(), diagnosis.String()
}

// unlisted is what is said of a link into a layer that is not there or not configured. It may have been, so that is no damage.
var unlisted = regexp.MustCompile(`object \S+ \(([0-9a-f]{12})\) is in the layer`)

// verify returns the paths that verify names.
func (s *rotStore) verify() []string {
	s.t.Helper()
	status, out, diagnosis := s.run("verify", "--json")
	var answer struct{ Damage []store.Damage }
	if out == "" { // the store cannot even be opened
		return []string{diagnosis}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		s.t.Fatalf("%v in %s%s", err, out, diagnosis)
	}
	var paths []string
	for _, d := range answer.Damage {
		paths = append(paths, d.Path)
		if !strings.Contains(diagnosis, filepath.Base(d.Path)) {
			s.t.Errorf("%s is not in %s", d.Path, diagnosis)
		}
	}
	if m := unlisted.FindStringSubmatch(diagnosis); m != nil && status == 1 && len(paths) == 0 {
		paths, _ = filepath.Glob(s.root("store", m[1]+"*")) // the pattern is well formed
		return paths
	}
	if (status == 3) != (len(paths) > 0) || status != 3 && status != 0 {
		s.t.Errorf("verify ended with status %d and named %q: %s", status, paths, diagnosis)
	}
	return paths
}

// files returns the files and links of the store by kind. Each has to be of one.
func (s *rotStore) files() map[string][]string {
	s.t.Helper()
	root := s.root()
	byKind := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		known := false
		for _, kind := range rotKinds {
			if rotMatches(kind.pattern, rel) && kind.links == (e.Type() == fs.ModeSymlink) {
				byKind[kind.name] = append(byKind[kind.name], path)
				known = true
			}
		}
		if !known && !strings.HasPrefix(rel, "cache/") && !strings.HasPrefix(e.Name(), ".store") {
			s.t.Errorf("%s is of no kind that is known here", rel)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return byKind
}

// rotMatches is filepath.Match, in which ** at the end is whatever is below.
func rotMatches(pattern, path string) bool {
	above, deep := strings.CutSuffix(pattern, "/**")
	if deep {
		n := strings.Count(above, "/") + 1
		parts := strings.SplitN(path, "/", n+1)
		if len(parts) <= n {
			return false
		}
		path = strings.Join(parts[:n], "/")
		pattern = above
	}
	ok, err := filepath.Match(pattern, path)
	return ok && err == nil
}

// rots damages a file, lets verify look, and puts it back. It reports whether it could be damaged.
func (s *rotStore) rots(kind rotKind, way, file string, all []string) bool {
	s.t.Helper()
	other := all[s.r.IntN(len(all))]
	undo, ok := s.damage(kind, way, file, other)
	if !ok {
		return false
	}
	defer undo()
	named := s.verify()
	switch found := slices.ContainsFunc(named, func(n string) bool {
		return n == file || strings.Contains(n, strconv.Quote(file)) || kind.name == "format" && strings.Contains(n, "format")
	}); {
	case kind.harmless == "" && !found:
		s.t.Errorf("%s %s was damaged (%s, %s), and verify named %q", kind.name, file, way, other, named)
	case kind.harmless != "" && len(named) > 0:
		s.t.Errorf("%s %s was damaged (%s), which is harmless, and verify named %q", kind.name, file, way, named)
	case kind.then != "":
		if status, _, diagnosis := s.run(strings.Fields(kind.then)...); status != 0 {
			s.t.Errorf("%s %s was damaged (%s), which is harmless: gostore %s ended with status %d: %s", kind.name, file, way, kind.then, status, diagnosis)
		}
	case kind.name == "content", kind.name == "members":
		s.neighbour(file, way)
	}
	return true
}

// damage changes a file, or the target of a link, in place: other names of the same file rot with it, as on a disk. A swap
// exchanges the names of two. undo puts everything back, also what was replaced meanwhile by what is right.
func (s *rotStore) damage(kind rotKind, way, file, other string) (undo func(), ok bool) {
	s.t.Helper()
	if kind.links && way != "swap" {
		return s.bend(way, file)
	}
	was, err := os.ReadFile(file)
	if err != nil && !kind.links {
		s.t.Fatal(err)
	}
	is := rotWays[way](s.r, bytes.Clone(was), nil)
	if way == "swap" && s.same(file, other) || way != "swap" && (is == nil && len(was) == 0 || bytes.Equal(is, was)) {
		return nil, false
	}
	if strings.HasPrefix(kind.name, "index") && way == "cut" && bytes.HasSuffix(is, []byte("\n")) {
		return nil, false // the first line alone says the same, as entries did before there were checks
	}
	back := s.writable(filepath.Dir(file), filepath.Dir(other))
	first, second := s.keep(file), s.keep(other)
	undo = func() { first(); second(); back() }
	if way != "swap" {
		s.overwrite(file, is)
		return func() { first(); s.overwrite(file, was); second(); back() }, true
	}
	at := filepath.Join(filepath.Dir(s.dir), "swap")
	s.check(os.Rename(file, at), os.Rename(other, file), os.Rename(at, other))
	return undo, true
}

// bend changes where a link leads.
func (s *rotStore) bend(way, file string) (undo func(), ok bool) {
	was, err := os.Readlink(file)
	s.check(err)
	is := string(rotWays[way](s.r, []byte(was), nil))
	if is == "" || strings.Contains(is, "\x00") || filepath.Clean(is) == filepath.Clean(was) {
		return nil, false
	}
	back := s.writable(filepath.Dir(file))
	s.check(os.Remove(file), os.Symlink(is, file))
	return func() { s.check(os.Remove(file), os.Symlink(was, file)); back() }, true
}

// keep keeps a file by another name outside of the store, and returns what puts it back.
func (s *rotStore) keep(file string) (restore func()) {
	kept := filepath.Join(filepath.Dir(s.dir), "kept-"+strconv.FormatUint(s.r.Uint64(), 36))
	s.check(os.Link(file, kept))
	return func() {
		os.Remove(file) // it may have gone
		s.check(os.Rename(kept, file))
	}
}

// overwrite writes a file in its place, with its mode and time.
func (s *rotStore) overwrite(file string, data []byte) {
	fi, err := os.Stat(file)
	s.check(err, os.Chmod(file, 0o644))
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0) // not a new file: its other names are to have it too
	s.check(err)
	_, err = f.Write(data)
	s.check(err, f.Close(), os.Chmod(file, fi.Mode()), os.Chtimes(file, fi.ModTime(), fi.ModTime()))
}

func (s *rotStore) check(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// same reports whether exchanging two files changes nothing.
func (s *rotStore) same(a, b string) bool {
	if a == b {
		return true
	}
	if target, err := os.Readlink(a); err == nil {
		other, _ := os.Readlink(b)
		return target == other || filepath.Dir(a) != filepath.Dir(b)
	}
	was, err := os.ReadFile(a)
	is, err2 := os.ReadFile(b)
	return err != nil || err2 != nil || bytes.Equal(was, is)
}

// writable makes directories writable, and returns what makes them as they were.
func (s *rotStore) writable(dirs ...string) (back func()) {
	modes := map[string]fs.FileMode{}
	for _, dir := range dirs {
		fi, err := os.Stat(dir)
		if err != nil {
			s.t.Fatal(err)
		}
		if modes[dir] == 0 {
			modes[dir] = fi.Mode()
		}
		os.Chmod(dir, 0o755)
	}
	return func() {
		for dir, mode := range modes {
			os.Chmod(dir, mode)
		}
	}
}

// neighbour installs a release that shares most of its files with what is damaged, and verifies it: nothing of the damage is in it.
func (s *rotStore) neighbour(file, way string) {
	s.t.Helper()
	if status, _, diagnosis := s.run("install", "-q", "go@1.22.5"); status != 0 {
		s.t.Errorf("%s was damaged (%s), and then go 1.22.5 cannot be installed: %s", file, way, diagnosis)
	}
	if status, _, diagnosis := s.run("verify", "-q", "go@1.22.5"); status != 0 {
		s.t.Errorf("%s was damaged (%s), and that is in go 1.22.5, which was installed afterwards: %s", file, way, diagnosis)
	}
	s.remove("go-1.22.5")
}

// remove takes an object away, so that it can be installed again.
func (s *rotStore) remove(name string) {
	s.t.Helper()
	paths, err := filepath.Glob(s.root("store", "*-"+name))
	if err != nil || len(paths) != 1 {
		s.t.Fatalf("%s is at %q, %v", name, paths, err)
	}
	if err := removal.Tree(paths[0]); err != nil {
		s.t.Fatal(err)
	}
	for _, pattern := range []string{"meta/" + filepath.Base(paths[0])[:64] + ".*"} {
		files, _ := filepath.Glob(s.root(pattern)) // the pattern is well formed
		for _, f := range files {
			os.Remove(f)
		}
	}
}

// What rotted of a partial download is found when it is complete, and the tool is there as it should be in the end.
func TestRotInDownload(t *testing.T) {
	w := newWorld(t, upstream.Config{Padding: 1 << 20})
	w.sh("gostore lock -q go@1.22.6")
	gate := make(chan struct{})
	w.server.Fault(upstream.Fault{Path: ".zip", Gate: gate})
	c := w.command("exec gostore install")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 40 { // 640 KiB in pieces of 16 KiB
		gate <- struct{}{}
	}
	w.awaitPart(256 << 10)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.Wait() // it was interrupted
	w.server.ClearFaults()
	parts, err := filepath.Glob(w.root("downloads", "*.part"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("the partial downloads are %q, %v", parts, err)
	}
	f, err := os.OpenFile(parts[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	const at = 100 << 10
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 1}, at); err != nil {
		t.Fatal(err)
	}
	if out, err := w.command("gostore install").CombinedOutput(); err != nil {
		t.Logf("with a rotten part: %s", out)
		w.sh("gostore install")
	}
	w.sh("gostore verify && gostore shell -q -- go version")
}

// A lock in which a bit rotted is refused, is no longer in the form in which gostore writes it, which gostore check says, or asks for
// something that upstream has under no such name or digest. What is left is harmless: the same objects are used as before.
func TestRotInLock(t *testing.T) {
	s := &rotStore{newWorld(t, upstream.Config{}), rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))}
	s.sh("gostore lock -q go@1.22.6 && gostore install -q")
	path := filepath.Join(s.dir, "gostore.lock")
	whole, err := os.ReadFile(path)
	s.check(err)
	tried := map[string]int{}
	rounds := 30
	if _, all := rotForm(t); all {
		rounds = 8 * len(whole)
	}
	for i := range rounds {
		bit := s.r.IntN(8 * len(whole))
		if rounds == 8*len(whole) {
			bit = i
		}
		rotten := bytes.Clone(whole)
		rotten[bit/8] ^= 1 << (bit % 8)
		s.check(os.WriteFile(path, rotten, 0o644))
		outcome := s.rottenLock(rotten, bit/8)
		tried[outcome]++
		if outcome == "nothing" {
			t.Errorf("with bit %d of %q changed nothing refuses the lock", bit, whole[max(0, bit/8-20):bit/8+20])
		}
	}
	t.Logf("of %d locks with a wrong bit: %v", rounds, tried)
}

// platformLine is a line of a lock for a platform.
var platformLine = regexp.MustCompile(`^"(\w+/\w+)" = \{ from = "([^"]*)", archive = "([^"]*)", size = (\d+) \}$`)

// rottenLock says what finds that the lock is wrong in the byte at an offset.
func (s *rotStore) rottenLock(lock []byte, at int) string {
	if status, _, _ := s.run("check", "lock"); status != 0 {
		return "named by check"
	}
	line := lock[bytes.LastIndexByte(lock[:at], '\n')+1:]
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if bytes.HasPrefix(line, []byte("request = ")) {
		if status, _, _ := s.run("lock", "--update", "--dry-run"); status != 0 {
			return "refused by the next update, which alone reads it"
		}
	}
	before := s.objects()
	if status, _, _ := s.run("install", "-q"); status != 0 {
		return "refused by install"
	}
	if after := s.objects(); !slices.Equal(before, after) {
		s.t.Errorf("with %q, install succeeds and the store holds %q", lock[max(0, at-20):at+20], after)
	}
	m := platformLine.FindSubmatch(line)
	switch host := release.Host().String(); {
	case m == nil:
		return "nothing"
	case string(m[1]) == host:
		return "harmless: the object with the digest is here, and from where and how large its archive is does not matter"
	}
	if status, _, _ := s.run("fetch", "-q", "--platform", string(m[1])); status != 0 {
		return "refused by fetch for that platform"
	}
	return "harmless: what has the digest was fetched"
}

// objects returns the paths of all objects.
func (s *rotStore) objects() []string {
	paths, err := filepath.Glob(s.root("store", "*-*-*"))
	s.check(err)
	return paths
}
