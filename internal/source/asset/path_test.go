package asset

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// sdk makes a directory with a file of each kind.
func sdk(t *testing.T) string {
	dir := t.TempDir()
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "sdk/lib/empty"), 0o755),
		os.MkdirAll(filepath.Join(dir, "sdk/bin"), 0o755),
		os.WriteFile(filepath.Join(dir, "sdk/bin/x"), []byte("#!/bin/sh\n"), 0o755),
		os.WriteFile(filepath.Join(dir, "sdk/lib/large"), bytes.Repeat([]byte("large"), wholeFile/4), 0o644),
		os.Symlink("../lib/large", filepath.Join(dir, "sdk/bin/y")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPathDirectory(t *testing.T) {
	dir := sdk(t)
	s := NewPath(PathConfig{Dir: dir, Path: "./sdk", Host: linux})
	r, err := s.Resolve(t.Context(), request("mysdk", "latest"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Archives[linux]
	want, err := tree.Scan(t.Context(), filepath.Join(dir, "sdk"), 1)
	if err != nil || a.From != "./sdk" || r.Origin != "./sdk" || a.Digest != digest.SHA256(want.Bytes()) || a.Tree != want.Digest() || len(r.Archives) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r.Version != "0-"+strings.TrimPrefix(a.Digest.String(), "sha256:")[:12] || release.CheckVersion(r.Version) != nil {
		t.Errorf("version %q", r.Version)
	}
	if again, err := s.Resolve(t.Context(), request("mysdk", "0-0123456789ab"), nil); err != nil || again.Version != r.Version {
		t.Errorf("a version that was made of another content: %s, %v", again.Version, err)
	}
	m, err := installed(t, s, r, linux)
	if err != nil || m.Digest() != a.Tree {
		t.Errorf("%s, %v", paths(m), err)
	}
	if r, err := s.Resolve(t.Context(), request("mysdk", "1.2"), []release.Platform{linux, mac}); err != nil || r.Version != "1.2" || len(r.Archives) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPathDirectoryChanged(t *testing.T) {
	dir := sdk(t)
	was, err := tree.Scan(t.Context(), filepath.Join(dir, "sdk"), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := NewPath(PathConfig{Dir: dir, Path: "sdk", Host: linux, Manifest: func(d digest.Tree) (tree.Manifest, error) {
		if d != was.Digest() {
			t.Errorf("asked for the tree %v", d)
		}
		return was, nil
	}})
	r, err := s.Resolve(t.Context(), request("mysdk", "1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "sdk/bin/x"), []byte("#!/bin/evil\n"), 0o755), os.Remove(filepath.Join(dir, "sdk/bin/y")),
		os.WriteFile(filepath.Join(dir, "sdk/new"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *digest.MismatchError
	_, err = installed(t, s, r, linux)
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), `directory "sdk", in which "bin/x" is changed, "bin/y" is gone, "new" is new,`) {
		t.Errorf("%v", err)
	}
	s.c.Manifest = nil
	if _, err = installed(t, s, r, linux); !errors.As(err, &mismatch) || mismatch.What != `directory "sdk"` {
		t.Errorf("%v", err)
	}
}

// A file that changes after it was hashed is noticed, whichever way it is copied.
func TestCopyTreeWhileChanging(t *testing.T) {
	for _, name := range []string{"bin/x", "lib/large"} {
		dir := filepath.Join(sdk(t), "sdk")
		m, err := tree.Scan(t.Context(), dir, 1)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("more")
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		var mismatch *digest.MismatchError
		if err := copyTree(t.Context(), dir, m, discard{}, nil); !errors.As(err, &mismatch) || !strings.Contains(mismatch.What, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPathRefuses(t *testing.T) {
	for want, spoil := range map[string]func(dir string) error{
		"leaves the tree":        func(dir string) error { return os.Symlink("../../x", filepath.Join(dir, "bin/z")) },
		"does not exist":         func(dir string) error { return os.Symlink("nothing", filepath.Join(dir, "bin/z")) },
		"absolute link target":   func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "bin/z")) },
		"is a named pipe":        func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "bin/z"), 0o644) },
		"are one name where":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "bin/X"), nil, 0o644) },
		"which not every system": func(dir string) error { return os.WriteFile(filepath.Join(dir, "bin/a:b"), nil, 0o644) },
	} {
		dir := sdk(t)
		if err := spoil(filepath.Join(dir, "sdk")); err != nil {
			t.Fatal(err)
		}
		r, err := NewPath(PathConfig{Dir: dir, Path: "sdk"}).Resolve(t.Context(), request("x", "1"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want an error with %q", r, err, want)
		}
	}
	for path, want := range map[string]string{"": "no empty path", "my sdk": "none with spaces", "sdk-{cpu}": "{cpu} has no value", "/dev/null": "neither a file nor a directory"} {
		r, err := NewPath(PathConfig{Dir: t.TempDir(), Path: path}).Resolve(t.Context(), request("x", "1"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", path, r, err, want)
		}
	}
	var missing *release.NotFoundError
	if _, err := NewPath(PathConfig{Dir: t.TempDir(), Path: "sdk"}).Resolve(t.Context(), request("x", "1"), nil); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	if _, err := NewPath(PathConfig{Path: "x-{version}"}).Resolve(t.Context(), request("x", "latest"), nil); err == nil || !strings.Contains(err.Error(), "has to name one") {
		t.Errorf("%v", err)
	}
}

func TestPathArchive(t *testing.T) {
	dir := t.TempDir()
	data := tarball(map[string]string{"bin/x": "x"})
	file := filepath.Join(dir, "x-1.2-linux.tgz")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	s := NewPath(PathConfig{Dir: dir, Path: "x-{version}-{os}.tgz"})
	r, err := s.Resolve(t.Context(), request("x", "1.2"), []release.Platform{linux, arm})
	want := release.Archive{From: "x-1.2-linux.tgz", Digest: digest.SHA256(data), Size: int64(len(data))}
	if err != nil || r.Archives[arm] != want || r.Origin != "x-{version}-{os}.tgz" {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a-linux"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a-darwin"), data[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	two := NewPath(PathConfig{Dir: dir, Path: "a-{os}"})
	one, err := two.Resolve(t.Context(), request("x", "latest"), []release.Platform{linux, mac})
	other, err2 := two.Resolve(t.Context(), request("x", "latest"), []release.Platform{mac, linux})
	if err != nil || err2 != nil || one.Version != other.Version {
		t.Errorf("%s and %s, %v, %v", one.Version, other.Version, err, err2)
	}
	if m, err := installed(t, NewPath(PathConfig{Dir: dir}), r, linux); err != nil || paths(m) != "d bin, x bin/x" {
		t.Errorf("%s, %v", paths(m), err)
	}
	absolute := NewPath(PathConfig{Dir: "elsewhere", Path: file})
	if r, err = absolute.Resolve(t.Context(), request("x", "1.2"), []release.Platform{linux}); err != nil || r.Archives[linux].From != file {
		t.Errorf("%+v, %v", r, err)
	}
	if err := os.WriteFile(file, data[:len(data)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := installed(t, absolute, r, linux); !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("%v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := installed(t, absolute, r, linux); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// discard is a sink that keeps nothing.
type discard struct{}

func (discard) Dir(string) error                { return nil }
func (discard) File(string, bool, []byte) error { return nil }
func (discard) Link(string, string) error       { return nil }
func (discard) Copy(string, string) error       { return nil }
func (discard) Nest(string) error               { return nil }
func (discard) Workers() int                    { return 2 }

func (discard) Stream(_ string, _ bool, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
