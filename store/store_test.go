package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/sys"
)

// open makes a store in a fresh directory.
func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		unseal(s.Dir())
	})
	return s
}

// unseal lets the test's clean-up remove sealed directories.
func unseal(dir string) {
	filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			os.Chmod(name, 0o755)
		}
		return nil
	})
}

// big returns contents that are shared between objects.
func big(text string) []byte { return bytes.Repeat([]byte(text), ShareSize/len(text)+1) }

// content is a tree for tests: contents by path; "->" begins a link, a path that ends in "*" is
// executable.
type content map[string]string

func (c content) fill(g *Stage) error {
	for name, text := range c {
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = g.Link(name, target)
		} else {
			plain, exec := strings.CutSuffix(name, "*")
			err = g.File(plain, exec, []byte(text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add adds a tree and returns the lease, which ends with the test.
func add(t *testing.T, s *Store, name string, c content) *Lease {
	t.Helper()
	l, err := s.Add(t.Context(), Spec{Name: name, Version: "1.0"}, c.fill)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Release() })
	return l
}

var sample = content{
	"bin/tool*": "#!/bin/sh\n", "bin/link": "->tool", "lib/big": string(big("shared ")), "lib/small": "x", "empty": "",
}

// long has a manifest that does not go into a description.
var long = func() content {
	c := content{"lib/big": string(big("long "))}
	for i := range shortManifest / 64 {
		c["lib/"+strconv.Itoa(i)] = strconv.Itoa(i)
	}
	return c
}()

// A collector reads only the descriptions of what may refer to others, so nothing else may.
func TestOnlyEnvironmentsRefer(t *testing.T) {
	s := openStore(t)
	tool := add(t, s, "go", content{"bin/go": "x"})
	for name, want := range map[string]bool{"environment": true, "go": false} {
		_, err := s.Add(t.Context(), Spec{Name: name, Version: "2", Refs: []digest.Tree{tool.Object().Tree}}, content{"l": "->../" + tool.Object().Base()}.fill)
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddedObjectIsCompleteSealedAndFound(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", sample)
	o := l.Object()
	if got, err := s.Lookup(o.Tree); err != nil || got != o {
		t.Fatalf("look-up: %v, %v", got, err)
	}
	if base := filepath.Base(l.Path()); base != o.Tree.Hex()+"-tool-1.0" {
		t.Errorf("directory is %q", base)
	}
	for name, want := range map[string]fs.FileMode{
		".": 0o555 | fs.ModeDir, "bin": 0o555 | fs.ModeDir, "bin/tool": 0o555, "lib/big": 0o444, "empty": 0o444,
	} {
		fi, err := os.Lstat(filepath.Join(l.Path(), name))
		if err != nil || fi.Mode() != want || !fi.ModTime().Equal(sealTime) {
			t.Errorf("%s: %v, %v, %v; want mode %v, time %v", name, fi.Mode(), fi.ModTime(), err, want, sealTime)
		}
	}
	if fi, err := os.Lstat(filepath.Join(l.Path(), "bin/link")); err != nil || !fi.ModTime().Equal(sealTime) {
		t.Errorf("link: %v, %v", fi.ModTime(), err)
	}
	if err := s.Verify(t.Context(), o.Tree); err != nil {
		t.Error(err)
	}
	info, err := s.Info(o.Tree)
	if err != nil || info.Tool != "tool" || info.Files != 7 || info.Size != int64(len("#!/bin/sh\n")+len(big("shared "))+1) {
		t.Errorf("info: %+v, %v", info, err)
	}
	m, err := s.Manifest(o.Tree)
	if err != nil || m.Digest() != o.Tree {
		t.Errorf("manifest: %v, %v", m.Digest(), err)
	}
}

// The digest must not depend on the umask, and objects must be readable whatever it is.
func TestUmaskDoesNotMatter(t *testing.T) {
	s := open(t)
	old := syscall.Umask(0o077)
	l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, sample.fill)
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	for name, want := range map[string]fs.FileMode{"lib/big": 0o444, "bin/tool": 0o555, "lib/small": 0o444} {
		if fi, err := os.Stat(filepath.Join(l.Path(), name)); err != nil || fi.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, fi.Mode(), err, want)
		}
	}
}

func TestSameTreeIsOneObject(t *testing.T) {
	s := open(t)
	a, b := add(t, s, "tool", sample), add(t, s, "other", sample)
	if a.Object() != b.Object() {
		t.Errorf("%v and %v", a.Object(), b.Object())
	}
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("stages left: %q", left)
	}
}

// leftovers lists stages and trash.
func leftovers(t *testing.T, s *Store) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(s.Dir(), objectsDir, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestContentsAreSharedByModeAndSize(t *testing.T) {
	s := open(t)
	text := string(big("abc"))
	a := add(t, s, "a", content{"f": text, "x*": text, "small": "s"})
	b := add(t, s, "b", content{"other": text, "small": "s"})
	inode := func(l *Lease, name string) uint64 {
		fi, err := os.Stat(filepath.Join(l.Path(), name))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Sys().(*syscall.Stat_t).Ino
	}
	if inode(a, "f") != inode(b, "other") {
		t.Error("equal contents are not shared")
	}
	if inode(a, "f") == inode(a, "x") {
		t.Error("an executable file shares the inode of a plain one")
	}
	if inode(a, "small") == inode(b, "small") {
		t.Error("a small file is shared")
	}
}

// A shared file that rotted, at its full size, must not get into a new object.
func TestRottenSharedFileIsNotReused(t *testing.T) {
	s := open(t)
	text := string(big("abc"))
	a := add(t, s, "a", content{"f": text})
	path := filepath.Join(a.Path(), "f")
	os.Chmod(path, 0o644)
	rotten := []byte(text)
	rotten[len(rotten)/2] ^= 1
	if err := os.WriteFile(path, rotten, 0); err != nil {
		t.Fatal(err)
	}
	b := add(t, s, "b", content{"g": text})
	if err := s.Verify(t.Context(), b.Object().Tree); err != nil {
		t.Errorf("rot spread: %v", err)
	}
	var damaged *DamagedError
	if err := s.Verify(t.Context(), a.Object().Tree); !errors.As(err, &damaged) || damaged.Faults[0].Path != "f" {
		t.Errorf("rot not found: %v", err)
	}
	c := add(t, s, "c", content{"h": text})
	if err := s.Verify(t.Context(), c.Object().Tree); err != nil {
		t.Errorf("the right contents did not take the rotten ones' place: %v", err)
	}
}

func TestNothingVisibleAfterFailure(t *testing.T) {
	s := open(t)
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	wrong := digest.Tree{1}
	cases := map[string]struct {
		ctx  context.Context
		spec Spec
		fill func(*Stage) error
		want func(error) bool
	}{
		"fill fails": {t.Context(), Spec{}, func(g *Stage) error {
			return errors.Join(sample.fill(g), broken)
		}, func(err error) bool { return errors.Is(err, broken) }},
		"cancelled": {cancelled, Spec{}, sample.fill, func(err error) bool { return errors.Is(err, context.Canceled) }},
		"wrong tree": {t.Context(), Spec{Tree: wrong}, sample.fill, func(err error) bool {
			return errors.As(err, new(*digest.MismatchError))
		}},
		"escaping": {t.Context(), Spec{}, func(g *Stage) error { return g.File("../../x", false, nil) },
			func(err error) bool { return strings.Contains(err.Error(), "../../x") }},
		"twins": {t.Context(), Spec{}, func(g *Stage) error {
			return errors.Join(g.File("README", false, nil), g.File("readme", false, nil))
		}, func(err error) bool { return strings.Contains(err.Error(), "readme") }},
		"through a link": {t.Context(), Spec{}, func(g *Stage) error {
			return errors.Join(g.Link("d", "/tmp"), g.File("d/f", false, nil))
		}, func(err error) bool { return err != nil }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.spec.Name, c.spec.Version = "tool", "1"
			_, err := s.Add(c.ctx, c.spec, c.fill)
			if err == nil || !c.want(err) {
				t.Errorf("error %v", err)
			}
			if objects, err := s.Objects(); err != nil || len(objects) > 0 {
				t.Errorf("objects %v, %v", objects, err)
			}
			if left := leftovers(t, s); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
	for _, spec := range []Spec{{Name: "../x", Version: "1"}, {Name: "x", Version: "../1"}, {Name: "x"}} {
		if _, err := s.Add(t.Context(), spec, sample.fill); err == nil {
			t.Errorf("added %q %q", spec.Name, spec.Version)
		}
	}
}

func TestConcurrentAddsOfOneTree(t *testing.T) {
	s := open(t)
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, sample.fill)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Claim(l.Object().Tree); !errors.Is(err, filelock.ErrBusy) {
				t.Errorf("claimed what was just added: %v", err)
			}
			l.Release()
		})
	}
	wait.Wait()
	objects, err := s.Objects()
	if err != nil || len(objects) != 1 || len(leftovers(t, s)) > 0 {
		t.Errorf("%v, %v, left %v", objects, err, leftovers(t, s))
	}
}

func TestArchiveIndex(t *testing.T) {
	s := open(t)
	a, err := digest.ParseArchive("h1:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LeaseArchive(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown archive: %v", err)
	}
	l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1", Archive: a}, sample.fill)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	again, err := s.LeaseArchive(t.Context(), a)
	if err != nil || again.Object() != l.Object() {
		t.Fatalf("%v, %v", again, err)
	}
	again.Release()
	if err := os.WriteFile(s.path(indexDir, a.FileName()), []byte("b3:torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.LookupArchive(a); ok {
		t.Error("believed a torn index entry")
	}
}

// What was remembered goes with its object, and not before; Usage counts it.
func TestRemember(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", sample)
	other := add(t, s, "other", content{"f": "other"})
	kept, gone := l.Object().Tree, other.Object().Tree
	for key, tree := range map[string]digest.Tree{"lock-1-linux": kept, "lock-2-linux": gone} {
		if err := s.Remember(key, tree); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := s.Recall("lock-1-linux"); !ok || got != kept {
		t.Errorf("recalled %v, %v", got, ok)
	}
	for _, bad := range []string{"", "../format", "a.b", digestName} {
		if err := s.Remember(bad, kept); err == nil {
			t.Errorf("remembered %q", bad)
		}
	}
	discard(t, s, other)
	if report, err := s.Clean(t.Context(), CleanOptions{}); err != nil || report.Meta != 2 {
		t.Errorf("cleaned %+v, %v", report, err)
	}
	if _, ok := s.Recall("lock-1-linux"); !ok {
		t.Error("forgot an object that is there")
	}
	if _, ok := s.Recall("lock-2-linux"); ok {
		t.Error("remembers an object that is not there")
	}
}

// discard gives a lease up and takes its object away.
func discard(t *testing.T, s *Store, l *Lease) {
	t.Helper()
	l.Release()
	c, err := s.Claim(l.Object().Tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Discard(), c.Release()); err != nil {
		t.Fatal(err)
	}
}

var digestName = "h1-" + strings.Repeat("00", 32)

// Lost descriptions are made again from the object.
func TestLostDescriptions(t *testing.T) {
	s := open(t)
	tool := add(t, s, "tool", sample)
	env := add(t, s, "environment", content{"bin/tool": "->../../" + tool.Object().Base() + "/bin/tool"})
	for _, data := range []string{"", "{torn"} {
		for _, o := range []Object{tool.Object(), env.Object()} {
			for _, suffix := range []string{manifestSuffix, infoSuffix} {
				if err := os.WriteFile(s.metaPath(o.Tree, suffix), []byte(data), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Verify(t.Context(), o.Tree); err != nil {
				t.Errorf("verify: %v", err)
			}
			if got, err := s.Lookup(o.Tree); err != nil || got != o {
				t.Errorf("look-up: %v, %v", got, err)
			}
		}
		info, err := s.Info(env.Object().Tree)
		if err != nil || len(info.Refs) != 1 || info.Refs[0] != tool.Object().Tree {
			t.Errorf("references %v, %v", info.Refs, err)
		}
	}
}

func TestClaimAndDiscard(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", long)
	tree := l.Object().Tree
	if _, err := s.Claim(tree); !errors.Is(err, filelock.ErrBusy) {
		t.Fatalf("claimed a leased object: %v", err)
	}
	l.Release()
	c, err := s.Claim(tree)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() {
		_, err := s.Lease(context.Background(), tree)
		waiting <- err
	}()
	if err := errors.Join(c.Discard(), c.Release()); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("leased a discarded object: %v", err)
	}
	usage, err := s.Reclaimable(nil, CleanOptions{})
	if err != nil || usage == 0 {
		t.Errorf("leftovers: %d, %v", usage, err)
	}
	report, err := s.Clean(t.Context(), CleanOptions{})
	if err != nil || report.Trees != 1 || report.Files != 1 || report.Meta != 2 {
		t.Errorf("cleaned %+v, %v", report, err)
	}
}

// What crashes leave is removed; what lives is not.
func TestCleanTellsDeadFromAlive(t *testing.T) {
	s := open(t)
	kept := add(t, s, "kept", content{"f": string(big("kept"))})
	dead, err := s.newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.fill(dead); err != nil {
		t.Fatal(err)
	}
	dead.held.Close() // as the kernel does when its maker is killed
	alive, err := s.newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(metaDir, ".tmp-x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := s.Clean(t.Context(), CleanOptions{})
	if err != nil || report.Trees != 1 || report.Meta != 1 || report.Files != 1 {
		t.Errorf("cleaned %+v, %v", report, err)
	}
	if left := leftovers(t, s); len(left) != 1 || filepath.Base(left[0]) != filepath.Base(alive.name) {
		t.Errorf("left %q, want the living stage", left)
	}
	if err := s.Verify(t.Context(), kept.Object().Tree); err != nil {
		t.Error(err)
	}
	if err := alive.abandon(); err != nil {
		t.Error(err)
	}
}

// While an Add describes an object that is not there yet, Clean leaves descriptions alone.
func TestCleanWaitsForNobodyDescribing(t *testing.T) {
	s := open(t)
	describing, err := filelock.ShareDir(t.Context(), s.path(metaDir))
	if err != nil {
		t.Fatal(err)
	}
	defer describing.Close()
	name := s.metaPath(digest.Tree{7}, manifestSuffix)
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Errorf("removed a description in the making: %v", err)
	}
}

func TestPartIsAFilelockAndOutlivesIt(t *testing.T) {
	s := open(t)
	a, _ := digest.ParseArchive("h1:" + strings.Repeat("A", 43) + "=")
	p, err := s.Part(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Empty() {
		t.Error("a new part is not empty")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Part(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("two hold one part: %v", err)
	}
	if err := os.WriteFile(p.Path(), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := s.Clean(t.Context(), CleanOptions{PartsBefore: time.Now().Add(time.Hour)})
	if err != nil || report.Parts != 0 {
		t.Errorf("removed a part in use: %+v, %v", report, err)
	}
	p.Release()
	if p, err = s.Part(t.Context(), a); err != nil || p.Empty() {
		t.Fatalf("the part was lost: %v", err)
	}
	p.Release()
	report, err = s.Clean(t.Context(), CleanOptions{PartsBefore: time.Now().Add(time.Hour)})
	if err != nil || report.Parts != 1 {
		t.Errorf("cleaned %+v, %v", report, err)
	}
}

// diskUse measures a store as du does, every inode once.
func diskUse(t *testing.T, dir string) int64 {
	t.Helper()
	seen := map[uint64]bool{}
	var total int64
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		if !seen[st.Ino] && !isSharedDir(dir, name) {
			seen[st.Ino] = true
			total += st.Blocks * sys.BlockSize
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// isSharedDir tells the directories of the layout, which stay and are nobody's.
func isSharedDir(root, name string) bool {
	rel, _ := filepath.Rel(root, name)
	return !strings.Contains(rel, "/") || strings.HasPrefix(rel, "files/") && strings.Count(rel, "/") == 1
}

// litter leaves what crashes, failures and interrupted collections leave, some of it sharing files with objects.
func litter(t *testing.T, s *Store, old time.Time) {
	t.Helper()
	fail := func(c content) func(*Stage) error {
		return func(g *Stage) error { return errors.Join(c.fill(g), errors.New("no more")) }
	}
	if _, err := s.Add(t.Context(), Spec{Name: "failed", Version: "1"}, fail(content{"f": string(big("only in files"))})); err == nil {
		t.Fatal("added what failed")
	}
	for _, name := range []string{stagePrefix + "killed", trashPrefix + "killed"} {
		g, err := s.newStage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := content{"d/one": string(big("one")), "d/alone": string(big("alone" + name)), "small": name}
		if err := errors.Join(c.fill(g), g.held.Close(), os.Rename(s.path(g.name), s.path(objectsDir, name))); err != nil {
			t.Fatal(err)
		}
	}
	part := s.path(downloadsDir, "h1-00"+partSuffix)
	for path, data := range map[string][]byte{
		s.metaPath(digest.Tree{1}, manifestSuffix): big("manifest"), s.path(metaDir, durable.TempPrefix+"x"): big("temp"),
		s.path(indexDir, "h1-00"): big("index"), part: big("part"), besidePart(part): big("etag"),
	} {
		if err := errors.Join(os.WriteFile(path, data, 0o644), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
}

// Reclaimable promises exactly what is given back.
func TestReclaimableIsExact(t *testing.T) {
	s := open(t)
	trees := map[string]digest.Tree{}
	for name, c := range map[string]content{
		"a": {"f": string(big("one")), "g": string(big("two")), "h*": string(big("two")), "s": "small"},
		"b": {"f": string(big("one")), "d/e/f": string(big("three"))},
		"c": {"again": string(big("three")), "twice": string(big("three")), "l": "->again"},
	} {
		l, err := s.Add(t.Context(), Spec{Name: name, Version: "1"}, c.fill)
		if err != nil {
			t.Fatal(err)
		}
		trees[name] = l.Object().Tree
		l.Release()
	}
	if err := s.Remember("lock-a", trees["a"]); err != nil {
		t.Fatal(err)
	}
	// A content that lost its link in files/ is held by the objects alone.
	os.RemoveAll(s.path(filesDir, sharedShard(string(big("three")))))
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	opt := CleanOptions{PartsBefore: old.Add(time.Hour)}
	for _, step := range [][]string{{"b"}, {"a"}, {"c"}, {}} {
		litter(t, s, old)
		var condemned []digest.Tree
		for _, name := range step {
			condemned = append(condemned, trees[name])
		}
		promised, err := s.Reclaimable(condemned, opt)
		if err != nil {
			t.Fatal(err)
		}
		before := diskUse(t, s.Dir())
		for _, tree := range condemned {
			c, err := s.Claim(tree)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.Discard(), c.Release()); err != nil {
				t.Fatal(err)
			}
		}
		report, err := s.Clean(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if freed := before - diskUse(t, s.Dir()); freed != promised || report.Bytes != promised {
			t.Errorf("%v: promised %d, reported %d, freed %d", step, promised, report.Bytes, freed)
		}
	}
}

func sharedShard(text string) string { return digest.Sum([]byte(text)).Hex()[:2] }

func TestMovedStoreWorks(t *testing.T) {
	s := open(t)
	tree := add(t, s, "tool", sample).Object().Tree
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(s.Dir(), moved); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unseal(moved) })
	again, err := Open(moved)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Verify(t.Context(), tree); err != nil {
		t.Error(err)
	}
}

func TestRootsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("file", "")
	write("newer/format", "2\n")
	write("torn/format", "\x00\x00")
	write("documents/letter.txt", "")
	for path, want := range map[string]string{
		file:                            "is not a directory",
		file + "/below":                 "is not a directory",
		filepath.Join(dir, "newer"):     NewerFormat,
		filepath.Join(dir, "torn"):      "has a damaged format file",
		filepath.Join(dir, "documents"): "is not empty and is not a store",
		"relative":                      "is not an absolute path",
	} {
		var bad *RootError
		if _, err := Open(path); !errors.As(err, &bad) || bad.Problem != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "documents")); len(entries) != 1 {
		t.Error("something was made in a directory that was refused")
	}
}

func TestParseBase(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	for base, want := range map[string]string{
		hex + "-go-1.22.6":            "go 1.22.6",
		hex + "-golangci-lint-1.60.1": "golangci-lint 1.60.1",
		hex:                           "", hex + "-": "", hex + "-go": "", hex + "-go-": "", hex + "--1": "",
		".stage-" + hex: "", strings.ToUpper(hex) + "-go-1": "", "go-1.22.6": "",
	} {
		o, err := ParseBase(base)
		if (err == nil) != (want != "") || err == nil && (fmt.Sprint(o.Name, " ", o.Version) != want || o.Base() != base) {
			t.Errorf("%s: %v, %v", base, o, err)
		}
	}
	if o := newObject(digest.Tree{}, "golang.org/x/tools/gopls", "0.21-rc.1"); o.Name != "gopls" || o.Version != "0.21_rc.1" {
		t.Errorf("%+v", o)
	}
}
