package goenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f := Parse("/f", []byte("# comment\nA=1\n\n B=2\nGOFLAGS=-x=y z \r\nlower=1\nC\n=x\nA=\nÄ=1\n\t# comment\nZ=last"))
	want := File{
		"/f", []Line{{2, "A", "1"}, {5, "GOFLAGS", "-x=y z \r"}, {9, "A", ""}, {12, "Z", "last"}},
		[]Odd{{4, "B=2"}, {6, "lower=1"}, {7, "C"}, {8, "=x"}, {10, "Ä=1"}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("\n got %+v\nwant %+v", f, want)
	}
	if line, ok := f.Get("A"); !ok || f.Place(line) != "/f:9" || line.String() != "A=" {
		t.Errorf("of two lines %v counts, %v", line, ok)
	}
	if _, ok := f.Get("B"); ok {
		t.Error("a line with space before it counts")
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct{ goos, environ, want string }{
		{"linux", "HOME=/h", "/h/.config/go/env"},
		{"linux", "HOME=/h XDG_CONFIG_HOME=/x", "/x/go/env"},
		{"linux", "HOME=/h XDG_CONFIG_HOME=x", ""},
		{"linux", "HOME=/h XDG_CONFIG_HOME=", "/h/.config/go/env"},
		{"linux", "", ""},
		{"linux", "XDG_CONFIG_HOME=/x", "/x/go/env"},
		{"darwin", "HOME=/h XDG_CONFIG_HOME=/x", "/h/Library/Application Support/go/env"},
		{"darwin", "XDG_CONFIG_HOME=/x", ""},
		{"linux", "HOME=/h GOENV=off", ""},
		{"linux", "HOME=/h GOENV=", "/h/.config/go/env"},
		{"linux", "HOME=/h GOENV=a/file", "a/file"},
		{"darwin", "HOME=/h GOENV=/a/file", "/a/file"},
	} {
		getenv := func(name string) string {
			for _, kv := range strings.Fields(c.environ) {
				if n, value, _ := strings.Cut(kv, "="); n == name {
					return value
				}
			}
			return ""
		}
		if got := Path(c.goos, getenv); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.goos, c.environ, got, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("env", []byte("A=1\n"))
	if f, err := Read(path); err != nil || f.Path != path || !slices.Equal(f.Lines, []Line{{1, "A", "1"}}) {
		t.Errorf("%+v, %v", f, err)
	}
	for _, none := range []string{os.DevNull, dir} {
		if f, err := Read(none); err != nil || f.Lines != nil {
			t.Errorf("%q says %+v, %v", none, f, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Read(write("large", make([]byte, maxSize+1))); err == nil {
		t.Error("a file of any size is read")
	}
}

func FuzzWithout(f *testing.F) {
	f.Add("A=1\n# B=2\nB=2\nBB=3\nB=4", "B")
	f.Add("A=1\r\nB", "A")
	f.Fuzz(func(t *testing.T, text, name string) {
		before := Parse("", []byte(text))
		after := Parse("", Without([]byte(text), []string{name}))
		if _, ok := after.Get(name); ok {
			t.Errorf("%q is still in %+v", name, after)
		}
		same := func(a, b Line) bool { return a.Name == b.Name && a.Value == b.Value }
		rest := slices.DeleteFunc(before.Lines, func(l Line) bool { return l.Name == name })
		if !slices.EqualFunc(rest, after.Lines, same) {
			t.Errorf("of %q without %q is left %+v", text, name, after)
		}
	})
}
