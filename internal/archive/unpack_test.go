package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"gostore/internal/digest"
)

// TestRoundTrip packs a tree in every format, and in every way that makes a difference, and has it come out again.
func TestRoundTrip(t *testing.T) {
	tarred, nested := writeTar(t, sample), writeTar(t, inside("tool-1.0", sample))
	archives := map[string][]byte{
		"tar":        tarred,
		"tar_nested": nested,
		"zip":        writeZip(t, sample, true),
		"zip_nested": writeZip(t, inside("tool-1.0", sample), true),
		"zip_bare":   writeZip(t, sample, false),
	}
	archives["xz"] = xzStored(1<<20, nested)
	for _, how := range []string{"gzip", "zstd"} {
		var err error
		if archives[how], err = packed(how, nested, 8<<20); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range archives {
		t.Run(name, func(t *testing.T) {
			for _, workers := range []int{0, 1, 7} {
				sink := &treeSink{workers: workers}
				var progress atomic.Int64
				opt := Options{Want: digest.SHA256(data)}
				err := Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), opt, sink, func(n int64) { progress.Add(n) })
				if err != nil {
					t.Fatal(err)
				}
				same(t, sample, sink)
				if got, want := progress.Load(), sizeOf(sample); got != want {
					t.Errorf("progress of %d bytes, want %d", got, want)
				}
			}
		})
	}
	t.Run("keep", func(t *testing.T) {
		for _, name := range []string{"tar_nested", "zip_nested", "gzip"} {
			sink := &treeSink{}
			if err := unpackBytes(t, archives[name], Options{KeepTop: true}, sink); err != nil {
				t.Fatal(err)
			}
			same(t, inside("tool-1.0", sample), sink)
		}
	})
	goleak.VerifyNone(t)
}

// sizeOf returns the bytes of all files.
func sizeOf(tree map[string]string) (n int64) {
	for _, what := range tree {
		if what[0] == 'f' || what[0] == 'x' {
			n += int64(len(what) - 2)
		}
	}
	return n
}

// TestCommands unpacks what the usual commands pack.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	want := maps.Clone(sample)
	want["lib/a/large"] = "f " + spread(largeBuffer+1000)
	files := inside("tool-1.0", want)
	for _, name := range sorted(files) {
		what, file := files[name], filepath.Join(dir, name)
		var err error
		switch what[0] {
		case 'd':
			err = os.Mkdir(file, 0o755)
		case 'l':
			err = os.Symlink(what[2:], file)
		case 'x':
			err = os.WriteFile(file, []byte(what[2:]), 0o755)
		case 'f':
			err = os.WriteFile(file, []byte(what[2:]), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string]string{
		"tar_gnu":   "tar --format=gnu -cf $OUT tool-1.0",
		"tar_pax":   "tar --format=posix -cf $OUT tool-1.0",
		"tar_dot":   "cd tool-1.0 && tar -cf $OUT .",
		"tar_gzip":  "tar -czf $OUT tool-1.0",
		"tar_xz":    "tar -cf - tool-1.0 | xz -0 > $OUT",
		"xz_blocks": "tar -cf - tool-1.0 | xz -0 --block-size=1000000 > $OUT",
		"xz_two":    "tar -cf x.tar tool-1.0 && (head -c 5000000 x.tar | xz -0; tail -c +5000001 x.tar | xz -0 --check=sha256) > $OUT",
		"tar_zstd":  "tar -cf - tool-1.0 | zstd -q > $OUT",
		"zstd_long": "tar -cf - tool-1.0 | zstd -q --long=26 > $OUT",
		"tar_bzip2": "tar -cf - tool-1.0 | bzip2 -1 > $OUT",
		"gzip_two":  "tar -cf x.tar tool-1.0 && (head -c 5000000 x.tar | gzip; tail -c +5000001 x.tar | gzip) > $OUT",
		"zip":       "zip -qry $OUT tool-1.0",
		"zip_store": "zip -qry0 $OUT tool-1.0",
		"zip_known": "zip -qry $OUT tool-1.0 && echo hello | zip -qz $OUT > /dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			for _, tool := range []string{"tar", "gzip", "xz", "zstd", "bzip2", "zip"} {
				if _, err := exec.LookPath(tool); err != nil && strings.Contains(command, tool) {
					t.Skipf("no %s here", tool)
				}
			}
			out := filepath.Join(t.TempDir(), "out.zip")
			cmd := exec.Command("sh", "-c", "set -e; "+command)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "OUT="+out, "LC_ALL=C.UTF-8")
			if message, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, message)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			sink := &treeSink{}
			opt := Options{}
			if name == "zip_known" {
				opt.Want = digest.SHA256(data)
			}
			if err := unpackBytes(t, data, opt, sink); err != nil {
				t.Fatal(err)
			}
			same(t, want, sink)
		})
	}
}

// spread returns n bytes, noise here and there, which are packed and unpacked in a fraction of the time that noise takes.
func spread(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(noise(byte(i), 16<<10) + strings.Repeat("\x00", 112<<10))
	}
	return b.String()[:n]
}

// TestTop has a single directory left out, one level, and only if it holds everything.
func TestTop(t *testing.T) {
	for name, test := range map[string]struct {
		order  []string
		want   string
		nested int // of a tar
	}{
		"one":                  {[]string{"d/a", "d/b"}, "a b", 0},
		"one_level":            {[]string{"d/d/a", "d/d/b"}, "d d/a d/b", 0},
		"itself":               {[]string{"d/", "d/a"}, "a", 0},
		"root":                 {[]string{"./", "./d/", "./d/a"}, "a", 0},
		"none":                 {[]string{"a", "d/b"}, "a d d/b", 0},
		"directory_then_other": {[]string{"d/a", "d/e/", "b"}, "b d d/a d/e", 1},
		"two_directories":      {[]string{"d/a", "e/b", "d/c"}, "d d/a d/c e e/b", 1},
		"same_name_inside":     {[]string{"d/d/a", "d/b", "e"}, "d d/b d/d d/d/a e", 1},
		"late_and_again":       {[]string{"d/a", "e", "d/b"}, "d d/a d/b e", 1},
		"empty_beside":         {[]string{"d/a", "e/"}, "d d/a e", 1},
		"empty_first":          {[]string{"e/", "d/a"}, "d d/a e", 1},
		"file_only":            {[]string{"a"}, "a", 0},
		"prefix_of_name":       {[]string{"d/a", "dd/b"}, "d d/a dd dd/b", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var tarred []byte
			var zipped shape
			for _, entry := range test.order {
				flag := byte(tar.TypeReg)
				if strings.HasSuffix(entry, "/") {
					flag = tar.TypeDir
				}
				tarred = append(tarred, tarEntry(flag, entry, nil)...)
				zipped.members = append(zipped.members, part{name: entry, stored: true})
			}
			tarred = append(tarred, make([]byte, 1024)...)
			for format, data := range map[string][]byte{"tar": tarred, "zip": zipped.build()} {
				sink := &treeSink{}
				if err := unpackBytes(t, data, Options{}, sink); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(sorted(sink.tree), " "); got != test.want {
					t.Errorf("%s: got %s, want %s", format, got, test.want)
				}
				if format == "tar" && sink.nested != test.nested {
					t.Errorf("moved %d times, want %d", sink.nested, test.nested)
				}
			}
		})
	}
}

// TestPrograms has a program be one file, however it is packed.
func TestPrograms(t *testing.T) {
	for name, content := range map[string]string{
		"elf": "\x7fELF" + noise(3, 100_000), "script": "#!/bin/sh\necho\n", "macho": "\xcf\xfa\xed\xfe" + noise(4, 1000), "pe": "MZ" + noise(5, 1000),
		"fat": "\xca\xfe\xba\xbe\x00\x00\x00\x02" + noise(6, 600), "short": "#!",
	} {
		plain := []byte(content)
		for _, how := range []string{"", "gzip", "xz", "zstd"} {
			data := plain
			if how != "" {
				var err error
				if data, err = packed(how, plain, 8<<20); err != nil {
					t.Fatal(err)
				}
			}
			sink := &treeSink{}
			if err := unpackBytes(t, data, Options{Want: digest.SHA256(data)}, sink); err != nil {
				t.Fatalf("%s %s: %v", name, how, err)
			}
			same(t, map[string]string{"program": "x " + content}, sink)
		}
	}
}

// TestHardLinks has hard links be copies, also of copies, where the directory is left out and where it is not.
func TestHardLinks(t *testing.T) {
	entries := append(tarEntry('0', "d/a", map[string]string{"content": "alpha", "mode": "0755"}), tarEntry('1', "d/b", map[string]string{"target": "d/a"})...)
	entries = append(entries, tarEntry('1', "d/e/c", map[string]string{"target": "./d/b"})...)
	end := make([]byte, 1024)
	sink := &treeSink{}
	if err := unpackBytes(t, append(slices.Clone(entries), end...), Options{}, sink); err != nil {
		t.Fatal(err)
	}
	same(t, map[string]string{"a": "x alpha", "b": "x alpha", "e": "d", "e/c": "x alpha"}, sink)
	sink = &treeSink{}
	if err := unpackBytes(t, append(append(slices.Clone(entries), tarEntry('0', "x", nil)...), end...), Options{}, sink); err != nil {
		t.Fatal(err)
	}
	same(t, map[string]string{"d": "d", "d/a": "x alpha", "d/b": "x alpha", "d/e": "d", "d/e/c": "x alpha", "x": "f "}, sink)
}

// TestOldTar reads a header from before POSIX, and one with a global extended header and times before it.
func TestOldTar(t *testing.T) {
	data := tarEntry(0, "d/a", map[string]string{"content": "alpha", "magic": "\x00\x00\x00\x00\x00\x00\x00\x00"})
	data = append(append(data, tarEntry('g', "pax_global_header", map[string]string{"content": "19 comment=0123456\n"})...), paxEntry([]string{"mtime", "1.5", "path", "d/é"})...)
	data = append(append(data, tarEntry('0', "d/e", map[string]string{"content": "beta", "mode": "7111"})...), make([]byte, 10240)...)
	sink := &treeSink{}
	if err := unpackBytes(t, data, Options{}, sink); err != nil {
		t.Fatal(err)
	}
	same(t, map[string]string{"a": "f alpha", "é": "x beta"}, sink)
}

// TestKnownZip has a comment and bytes before a zip accepted if, and only if, its digest is known. Offsets may count from the first byte
// of the file or of the zip.
func TestKnownZip(t *testing.T) {
	members := []part{{name: "a", content: "alpha"}, {name: "b", content: "beta", descriptor: true}}
	counted := shape{members: slices.Clone(members)}
	counted.members[0].before = "some bytes before"
	for name, data := range map[string][]byte{
		"comment":        shape{members: members, end: put16(20, 5), after: "hello"}.build(),
		"prefix":         append([]byte("some bytes before"), shape{members: members}.build()...),
		"prefix_zip64":   append([]byte("some bytes before"), shape{members: members, zip64: true}.build()...),
		"prefix_counted": counted.build(),
		"both":           append([]byte("some bytes before"), shape{members: members, end: put16(20, 5), after: "hello"}.build()...),
	} {
		sink := &treeSink{}
		if err := unpackBytes(t, data, Options{Want: digest.SHA256(data)}, sink); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, map[string]string{"a": "f alpha", "b": "f beta"}, sink)
		formatError(t, unpackBytes(t, data, Options{}, &treeSink{}))
	}
}

func TestSubtree(t *testing.T) {
	sink := &treeSink{}
	below := Subtree(sink, "lib/tool", func(path string) bool { return path == "cli.js" || path == "large" })
	data := append(tarEntry('0', "package/cli.js", map[string]string{"content": "js"}), tarEntry('0', "package/other.js", map[string]string{"content": "js"})...)
	data = append(data, tarEntry('0', "package/large", map[string]string{"content": noise(1, largeBuffer+1)})...)
	data = append(data, tarEntry('1', "package/copy.js", map[string]string{"target": "package/other.js"})...)
	data = append(data, tarEntry('2', "package/link.js", map[string]string{"target": "other.js"})...)
	data = append(append(data, tarEntry('5', "package/dir/", nil)...), make([]byte, 1024)...)
	if err := errors.Join(sink.File("first", false, nil), unpackBytes(t, data, Options{}, below)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"first": "f ", "lib": "d", "lib/tool": "d", "lib/tool/cli.js": "x js", "lib/tool/other.js": "f js", "lib/tool/copy.js": "f js",
		"lib/tool/link.js": "l other.js", "lib/tool/dir": "d", "lib/tool/large": "x " + noise(1, largeBuffer+1),
	}
	same(t, want, sink)

	sink = &treeSink{}
	two := append(tarEntry('0', "a/x", nil), tarEntry('0', "b/x", nil)...)
	if err := errors.Join(sink.File("first", false, nil), unpackBytes(t, append(two, make([]byte, 1024)...), Options{}, Subtree(sink, "lib/tool", nil))); err != nil {
		t.Fatal(err)
	}
	same(t, map[string]string{"first": "f ", "lib": "d", "lib/tool": "d", "lib/tool/a": "d", "lib/tool/a/x": "f ", "lib/tool/b": "d", "lib/tool/b/x": "f "}, sink)
	if err := Subtree(sink, "lib/tool", nil).Dir("../../x"); err == nil {
		if _, ok := sink.tree["x"]; ok {
			t.Error("a name left the directory")
		}
	}
}

// TestManyFiles has more files than buffers, and a sink that is slower than the reader.
func TestManyFiles(t *testing.T) {
	want := map[string]string{}
	for i := range 3000 {
		want[fmt.Sprintf("f%d", i)] = "f " + strings.Repeat("x", i)
	}
	data := writeTar(t, want)
	sink := &treeSink{workers: 2}
	if err := unpackBytes(t, data, Options{}, sink); err != nil {
		t.Fatal(err)
	}
	same(t, want, sink)
	goleak.VerifyNone(t)
}
