package store

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/dirent"
	"gostore/internal/removal"
	"gostore/internal/tree"
)

// sharedFiles returns how many names files/ has.
func sharedFiles(t *testing.T, s *Store) (n int) {
	t.Helper()
	shards, err := dirent.Names(s.path(filesDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		names, err := dirent.Names(s.path(filesDir, shard))
		if err != nil {
			t.Fatal(err)
		}
		n += len(names)
	}
	return n
}

// looked cleans a store as far as the next Clean has to rely on signs.
func looked(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil || !s.cleaned() {
		t.Fatalf("it counts as cleaned: %v, %v", s.cleaned(), err)
	}
}

// begun cleans as far as a Clean does that is killed before it looks at files/.
func begun(t *testing.T, s *Store) {
	t.Helper()
	c := &cleaning{Store: s, ctx: t.Context()}
	dir, err := os.Open(s.path(objectsDir))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := errors.Join(c.look(), c.trees(dir)); err != nil {
		t.Fatal(err)
	}
}

// A Clean that was killed after it had unlinked what was discarded leaves a sign, so that the next one looks for
// contents that nothing shares any more.
func TestCleanKilledBeforeFiles(t *testing.T) {
	for name, leave := range map[string]func(s *Store){
		"a discarded object": func(s *Store) { discard(t, s, add(t, s, "tool", content{"f": string(big("tool"))})) },
		"two discarded objects": func(s *Store) {
			discard(t, s, add(t, s, "tool", content{"f": string(big("tool"))}))
			discard(t, s, add(t, s, "other", content{"f": string(big("other"))}))
		},
		"a stage": func(s *Store) {
			g, err := s.newStage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := g.File("f", false, big("stage")); err != nil {
				t.Fatal(err)
			}
			g.held.Close() // as the kernel does when its maker is killed
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			looked(t, s)
			leave(s)
			begun(t, s)
			left := leftovers(t, s)
			if len(left) != 1 || !strings.HasPrefix(filepath.Base(left[0]), trashPrefix) || sharedFiles(t, s) == 0 {
				t.Fatalf("left %q and %d contents, want one sign, which no stage has the name of", left, sharedFiles(t, s))
			}
			if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
				t.Fatal(err)
			}
			if left := leftovers(t, s); len(left) != 0 || sharedFiles(t, s) != 0 {
				t.Errorf("left %q and %d contents", left, sharedFiles(t, s))
			}
		})
	}
}

// What has no sign is found by the first Clean after the machine was started, and after a spool went that had the last link
// beside that in files/; and as seldom as that.
func TestCleanWithoutSign(t *testing.T) {
	spool := func(s *Store, p *Part) {
		sp, err := s.Spool(p)
		if err != nil {
			t.Fatal(err)
		}
		e := tree.Entry{Path: "f", Kind: tree.File, Content: digest.Sum(big("spool")), Size: int64(len(big("spool")))}
		if err := errors.Join(sp.Put(e, big("spool")), sp.share(e), sp.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		leave func(s *Store, p *Part)
		finds bool
	}{
		"nothing happened": {func(*Store, *Part) {}, false},
		"another boot":     {func(s *Store, _ *Part) { os.WriteFile(s.path(cleanedName), []byte("another\n"), 0o644) }, true},
		"a torn file":      {func(s *Store, _ *Part) { os.Truncate(s.path(cleanedName), 3) }, true},
		"a spool went":     {func(s *Store, p *Part) { spool(s, p); p.Reset() }, true},
		"a part went":      {func(s *Store, p *Part) { p.Reset() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			looked(t, s)
			part, err := s.Part(t.Context(), digest.SHA256([]byte(name)))
			if err != nil {
				t.Fatal(err)
			}
			defer part.Release()
			orphan := s.path(filesDir, "ab", strings.Repeat("c", 62))
			entry := s.path(indexDir, "lock-1-linux")
			err = errors.Join(os.MkdirAll(filepath.Dir(orphan), 0o755), os.WriteFile(orphan, big("x"), 0o444),
				os.WriteFile(entry, formatIndex("lock-1-linux", digest.Tree{1}), 0o644))
			if err != nil {
				t.Fatal(err)
			}
			test.leave(s, part)
			for range 2 {
				if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			_, err = os.Stat(entry)
			if found := os.IsNotExist(err) && sharedFiles(t, s) == 0; found != test.finds || !s.cleaned() {
				t.Errorf("found: %v, counts as cleaned: %v", found, s.cleaned())
			}
		})
	}
}

// Entries of the index go before the descriptions that are the reason to look at them.
func TestDescriptionsGoLast(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", sample)
	if err := s.Remember("lock-1-linux", l.Object().Tree); err != nil {
		t.Fatal(err)
	}
	discard(t, s, l)
	stop := errors.New("stop")
	err := s.eachOrphan(map[digest.Tree]bool{}, false, func(path string, _ fs.FileInfo) error {
		if filepath.Base(filepath.Dir(path)) == metaDir {
			if _, ok := s.Recall("lock-1-linux"); ok {
				t.Errorf("%q before what leads to its object", path)
			}
			return stop
		}
		return os.Remove(path)
	})
	if !errors.Is(err, stop) {
		t.Errorf("no description was met: %v", err)
	}
}

// An Add that fails takes the contents along that only it shares, and no others.
func TestAbandonedContents(t *testing.T) {
	s := open(t)
	kept := add(t, s, "kept", content{"f": string(big("kept"))})
	refused := errors.New("refused")
	_, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		return errors.Join(g.File("a", false, big("kept")), g.File("b/c", false, big("tool")), g.File("d", true, big("tool")), refused)
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if left := leftovers(t, s); len(left) != 0 || sharedFiles(t, s) != 1 {
		t.Errorf("left %q and %d contents, want the one of the other object", left, sharedFiles(t, s))
	}
	if err := s.Verify(t.Context(), kept.Object().Tree); err != nil {
		t.Error(err)
	}
}

// An entry of the index that could not be unlinked keeps the descriptions, which are what the next Clean finds it by.
func TestDescriptionsOutliveEntries(t *testing.T) {
	s := open(t)
	looked(t, s)
	l := add(t, s, "tool", sample)
	entry := s.path(indexDir, "lock-1-linux")
	if err := os.MkdirAll(filepath.Join(entry, "below"), 0o755); err != nil { // which no unlink removes
		t.Fatal(err)
	}
	discard(t, s, l)
	if _, err := s.Clean(t.Context(), CleanOptions{}); err == nil {
		t.Fatal("it removed a directory from the index")
	}
	if err := removal.Tree(entry); err != nil {
		t.Fatal(err)
	}
	if err := s.writeAtomic(path.Join(indexDir, "lock-1-linux"), formatIndex("lock-1-linux", l.Object().Tree)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{indexDir, metaDir} {
		if left, err := dirent.Names(s.path(dir)); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %q, %v", dir, left, err)
		}
	}
}
