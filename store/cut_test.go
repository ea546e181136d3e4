package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/internal/digest"
)

// A power cut can leave the link in files/ of a file that was not synced: with the wrong mode, or the wrong time, or other bytes. None
// gets into another object, and the right one takes its place.
func TestUnsealedContentIsNotReused(t *testing.T) {
	text := strings.Repeat("text\n", 1000)
	for name, spoil := range map[string]func(path string) error{
		"mode": func(path string) error { return os.Chmod(path, 0o644) },
		"time": func(path string) error { return os.Chtimes(path, time.Now(), time.Now()) },
		"bytes": func(path string) error {
			return errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, make([]byte, len(text)), 0), seal(path))
		},
	} {
		s := open(t)
		shared := filepath.Join(s.path(filesDir), sharedPath(text))
		if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(shared, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, change := range []func(string) error{seal, spoil} {
			if err := change(shared); err != nil {
				t.Fatal(err)
			}
		}
		lease, err := s.Add(t.Context(), Spec{Name: "a", Version: "1"}, content{"text": text}.fill)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		fi, err := os.Stat(filepath.Join(lease.Path(), "text"))
		if err != nil || fi.Mode().Perm() != 0o444 || !fi.ModTime().Equal(sealTime) || fi.Size() != int64(len(text)) {
			t.Errorf("%s: the object has %v, %v", name, fi, err)
		}
		now, err := os.Stat(shared)
		if err != nil || !os.SameFile(fi, now) {
			t.Errorf("%s: the right file did not take the place: %v", name, err)
		}
	}
}

func sharedPath(text string) string {
	hex := digest.Sum([]byte(text)).Hex()
	return filepath.Join(hex[:2], hex[2:])
}

func seal(path string) error {
	return errors.Join(os.Chmod(path, 0o444), os.Chtimes(path, sealTime, sealTime))
}

// What is beside a download whose part did not survive is collected when it is old.
func TestCleanBesideLostParts(t *testing.T) {
	s := open(t)
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"a.part.etag", "b.part.d/file", "c.part", "c.part.etag"} {
		path := s.path(downloadsDir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "c.part" { // it was written to just now
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chtimes(s.path(downloadsDir, "b.part.d"), old, old); err != nil {
		t.Fatal(err)
	}
	opt := CleanOptions{PartsBefore: time.Now().Add(-time.Minute)}
	if bytes, err := s.Reclaimable(nil, opt); err != nil || bytes == 0 {
		t.Errorf("%d bytes are to be had, %v", bytes, err)
	}
	if r, err := s.Clean(t.Context(), opt); err != nil || r.Parts != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	entries, err := os.ReadDir(s.path(downloadsDir))
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "c.part c.part.etag" {
		t.Errorf("left are %q", got)
	}
}
