package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/removal"
)

// packedOf stands for what content was packed into.
func packedOf(content string) digest.Packed {
	return digest.Packed{
		Digest: digest.Sum([]byte("packed " + content)), Size: int64(len(content)), CRC: crc32.ChecksumIEEE([]byte(content)),
	}
}

// addPacked adds an object of files as an unpacker does that asks for each whether it is known, and returns which were.
func addPacked(t *testing.T, s *Store, version string, files map[string]string) (recalled []string, o Object) {
	t.Helper()
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: version}, func(g *Stage) error {
		for name, content := range files {
			sum, ok, err := g.Recall(name, false, packedOf(content))
			want := sha256.Sum256([]byte(content))
			switch {
			case err != nil:
				return err
			case ok && sum != want:
				t.Errorf("%q: recalled with another SHA-256", name)
			case ok:
				recalled = append(recalled, name)
				continue
			}
			if err := g.File(name, false, []byte(content)); err != nil {
				return err
			}
			g.Remember(name, packedOf(content), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Release() })
	return recalled, lease.Object()
}

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removal.Tree(s.Dir()) })
	return s
}

var (
	memberA = strings.Repeat("a", 3000)
	memberB = strings.Repeat("b", 300<<10)
)

func TestRecall(t *testing.T) {
	s := openStore(t)
	got, first := addPacked(t, s, "1", map[string]string{"a": memberA, "b": memberB, "small": "s"})
	if got != nil {
		t.Errorf("an empty store knew %q", got)
	}
	got, o := addPacked(t, s, "2", map[string]string{"dir/a": memberA, "b": memberB, "small": "s", "new": memberA + "n"})
	if len(got) != 2 {
		t.Errorf("recalled %q, want a and b", got)
	}
	if err := s.Verify(t.Context(), o.Tree); err != nil {
		t.Errorf("the object of recalled files: %v", err)
	}
	// The second object's table has what was recalled as well.
	os.Remove(s.metaPath(first.Tree, membersSuffix))
	if got, _ := addPacked(t, s, "3", map[string]string{"a": memberA, "x": "x"}); len(got) != 1 {
		t.Errorf("from the second object recalled %q, want a", got)
	}
}

// TestRecallStatesWrongly has members whose packed bytes are known and whose headers state something else about their content.
func TestRecallStatesWrongly(t *testing.T) {
	s := openStore(t)
	addPacked(t, s, "1", map[string]string{"a": memberA})
	_, err := s.Add(t.Context(), Spec{Name: "tool", Version: "2"}, func(g *Stage) error {
		for _, change := range []func(*digest.Packed){
			func(p *digest.Packed) { p.CRC++ }, func(p *digest.Packed) { p.Size++ }, func(p *digest.Packed) { p.Digest[31]++ },
		} {
			p := packedOf(memberA)
			change(&p)
			if _, ok, err := g.Recall("a", false, p); ok || err != nil {
				t.Errorf("recalled %+v: %v", p, err)
			}
		}
		return errors.ErrUnsupported // enough
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// TestRecallDamaged has a shared file rot: it is not linked again.
func TestRecallDamaged(t *testing.T) {
	for what, damage := range map[string]func(path string) error{
		"a flipped bit": func(path string) error { return rewrite(path, "b"+memberA[1:]) },
		"cut off":       func(path string) error { return rewrite(path, memberA[1:]) },
		"longer":        func(path string) error { return rewrite(path, memberA+"a") },
		"gone":          os.Remove,
		"another mode":  func(path string) error { return os.Chmod(path, 0o644) },
	} {
		s := openStore(t)
		addPacked(t, s, "1", map[string]string{"a": memberA})
		hex := digest.Sum([]byte(memberA)).Hex()
		if err := damage(s.path(filesDir, hex[:2], hex[2:])); err != nil {
			t.Fatal(err)
		}
		got, o := addPacked(t, s, "2", map[string]string{"a": memberA, "v": "2"})
		if err := s.Verify(t.Context(), o.Tree); got != nil || err != nil {
			t.Errorf("%s: recalled %q, the object: %v", what, got, err)
		}
	}
}

// rewrite changes a sealed file in its place, and leaves its mode and time as they are.
func rewrite(path, content string) error {
	err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte(content), 0o644))
	return errors.Join(err, os.Chtimes(path, sealTime, sealTime), os.Chmod(path, 0o444))
}

// TestMembersDamaged has no table be believed that is not whole, and none stay.
func TestMembersDamaged(t *testing.T) {
	s := openStore(t)
	_, o := addPacked(t, s, "1", map[string]string{"a": memberA, "b": memberB})
	name := s.metaPath(o.Tree, membersSuffix)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		if _, err := parseMembers(changed); err == nil {
			t.Fatalf("byte %d changed: no error", at)
		}
		if _, err := parseMembers(whole[:at]); err == nil {
			t.Fatalf("%d bytes of %d: no error", at, len(whole))
		}
	}
	if err := os.WriteFile(name, whole[:len(whole)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := addPacked(t, s, "2", map[string]string{"a": memberA}); got != nil {
		t.Errorf("recalled %q by a damaged table", got)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("a damaged table stays")
	}
}

// TestMembersGoWithTheirObject has Clean remove the table of an object that was discarded, and leave others.
func TestMembersGoWithTheirObject(t *testing.T) {
	s := openStore(t)
	_, kept := addPacked(t, s, "1", map[string]string{"a": memberA})
	gone := s.metaPath(digest.Tree{1}, membersSuffix)
	if err := os.WriteFile(gone, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("the table of an object that is not there stays")
	}
	if _, err := os.Stat(s.metaPath(kept.Tree, membersSuffix)); err != nil {
		t.Error(err)
	}
}

// TestGiveBack has a name be claimed, not linked, and then made as if nothing had been.
func TestGiveBack(t *testing.T) {
	s := openStore(t)
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		if err := g.claim("a", fileKind(false)); err != nil {
			return err
		}
		if g.claim("a", fileKind(false)) == nil {
			t.Error("a name was claimed twice")
		}
		g.giveBack("a")
		return g.File("a", false, []byte(memberA))
	})
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
}
