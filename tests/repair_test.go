package tests

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// flip changes one bit of a file in place, so that whatever shares the inode has it too, and leaves mode and time as they were.
func flip(t *testing.T, path string, bit int64) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bit %= int64(len(data)) * 8
	data[bit/8] ^= 1 << (bit % 8)
	os.Chmod(path, 0o644)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(data[bit/8:bit/8+1], bit/8)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, fi.Mode())
	os.Chtimes(path, fi.ModTime(), fi.ModTime())
}

// Of a large zip on a server only what is damaged is fetched, whatever shares it is mended with it, and what was being read stays as it was.
func TestRepairRanged(t *testing.T) {
	w := newWorld(t, upstream.Config{Padding: 3 << 20})
	w.sh("gostore install go@1.22.6")
	w.server.ClearRequests()
	root := filepath.Join(filepath.Dir(w.dir), "root")
	found, err := filepath.Glob(filepath.Join(root, "store", "*-go-1.22.6", "src", "runtime", "proc.go"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	whole, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	flip(t, found[0], 12345)
	open, err := os.Open(found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if out := w.sh("gostore verify --repair"); !strings.Contains(out, "go@1.22.6: mended") || !strings.Contains(out, "fetched 1 file of golang.org/toolchain@") {
		t.Errorf("it says\n%s", out)
	}
	if n, bytes := w.server.Count(".zip"); n == 0 || bytes > 300<<10 {
		t.Errorf("%d requests brought %d bytes of a zip of %d", n, bytes, len(w.server.Zip("1.22.6", upstream.Platforms[0])))
	}
	now, err := os.ReadFile(found[0])
	if err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the file is not what it was: %v", err)
	}
	old, mended := mustStat(t, open), mustStat(t, found[0])
	if os.SameFile(old, mended) {
		t.Error("the damaged file was written to while somebody had it open")
	}
	w.sh("gostore verify")
}

// mustStat describes a path or an open file.
func mustStat(t *testing.T, what any) fs.FileInfo {
	t.Helper()
	var fi fs.FileInfo
	var err error
	if f, ok := what.(*os.File); ok {
		fi, err = f.Stat()
	} else {
		fi, err = os.Lstat(what.(string))
	}
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// A user who is not root mends what is sealed against himself as well, and directories that nobody can read.
func TestRepairOrdinaryUser(t *testing.T) {
	w := ordinaryWorld(t)
	w.sh("gostore install go@1.22.6")
	objects, err := filepath.Glob(filepath.Join(w.store(), "store", "*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	for _, spoil := range []string{
		"chmod u+w . src && rm -f src/make.bash src/empty.go && echo x >more && chmod u-w . src",
		"chmod u+w src/fmt && rm -f src/fmt/print.go && mkdir src/fmt/print.go && chmod 0 src/fmt",
		"chmod -R u+w . && rm -rf src && echo x >src",
		"chmod 0 .",
		"chmod 700 bin && chmod 644 bin/go",
	} {
		w.sh("cd " + objects[0] + " && " + spoil)
		if out, err := w.command("gostore verify --repair").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", spoil, err, out)
		}
		w.sh("gostore verify -q")
		w.checkSealed()
	}
}
