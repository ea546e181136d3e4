package textfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("twelve bytes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(file, 12); string(data) != "twelve bytes" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := Read(file, 11); err == nil {
		t.Error("read more than the limit")
	}
	if _, err := Read(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := Read(path, 1); err == nil || !strings.Contains(err.Error(), path+": not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestErrorList(t *testing.T) {
	var list ErrorList
	for i := range maxShown + 2 {
		list = append(list, &Error{File: "f", Line: i + 1, Msg: "bad", Err: fs.ErrInvalid})
	}
	got := list.Error()
	if want := fmt.Sprintf("f:%d: bad\nf: and 2 more errors", maxShown); !strings.HasPrefix(got, "f:1: bad\n") || !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
	if !errors.Is(list, fs.ErrInvalid) {
		t.Error("the complaints are not looked at")
	}
}

// documents are valid or not by TOML's rules of what may be said twice.
var documents = []struct {
	valid bool
	data  string
}{
	{true, "a = 1\n[b]\na = 1\n[b.c]\n"},
	{true, "[a.b]\n[a]\nc = 1\n"},
	{true, "a.b = 1\na.c = 2\n"},
	{true, "[a]\nb.c = 1\nb.d = 2\n"},
	{true, "[[a]]\nb = 1\n[[a]]\nb = 1\n[a.c]\n[[a.d]]\n[[a.d]]\n"},
	{true, "[a.b.c]\nx = 1\n[a.b.d]\nx = 1\n"},
	{true, "a = {b.c = 1, b.d = 2}\n"},
	{true, "'a' = 'b'\n\"c\\u0064\" = \"\\\"\"\ne = \"\"\"\nx\"\"\"\nf = '''y'''\ng = [\"\\u00e9\", {h = ''}]\n"},
	{false, "a = 1\na = 2\n"},
	{false, "a = 1\n'a' = 2\n"},
	{false, "[a]\n[a]\n"},
	{false, "[a]\nb = 1\n[a.b]\n"},
	{false, "a = {b = 1}\na.c = 2\n"},
	{false, "a = {b = 1}\n[a.c]\n"},
	{false, "a = {b.c = 1}\n[a.b.d]\n"},
	{false, "a = {b = 1, b = 2}\n"},
	{false, "a = {b = 1, b.c = 2}\n"},
	{false, "[a.b]\nx = 1\n[a]\nb.y = 1\n"},
	{false, "a.b = 1\n[a]\n"},
	{false, "a = []\n[[a]]\n"},
	{false, "[[a]]\n[a]\n"},
	{false, "[a]\n[[a]]\n"},
	{false, "[[a.b]]\n[a.b]\n"},
	{false, "a = 1\n[a.b]\n"},
}

func TestParseTOMLClashes(t *testing.T) {
	for _, test := range documents {
		d, err := ParseTOML("f", []byte(test.data))
		if err != nil {
			t.Errorf("%q: %v", test.data, err)
		}
		if err := d.Err(); (err == nil) != test.valid {
			t.Errorf("%q: %v, want valid: %v", test.data, err, test.valid)
		}
	}
}

// A table of very many keys is read in a time that grows with the keys, not with their square.
func TestParseTOMLManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "k%d = 1\n", i)
	}
	d, err := ParseTOML("f", []byte(b.String()+b.String()))
	if err != nil || len(d.Root.Entries) != 10_000 {
		t.Fatalf("%d keys, %v", len(d.Root.Entries), err)
	}
	if d.Root.index == nil {
		t.Error("keys are searched one by one")
	}
	var list ErrorList
	if !errors.As(d.Err(), &list) || len(list) != 10_000 || list[9_999].Line != 20_000 {
		t.Errorf("%d complaints", len(list))
	}
}

// FuzzParseTOML compares with go-toml's own decoder, which keeps TOML's rules as well but says less about
// where they are broken.
func FuzzParseTOML(f *testing.F) {
	for _, test := range documents {
		f.Add([]byte(test.data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseTOML("f", data)
		if err == nil {
			err = d.Err()
		}
		var into map[string]any
		other := toml.Unmarshal(data, &into)
		if err == nil && other != nil && plain(&d.Root) {
			t.Fatalf("accepted, but go-toml says: %v", other)
		}
		if err != nil && other == nil {
			t.Fatalf("refused, but go-toml accepts: %v", err)
		}
		if err == nil && other == nil && !equal(&d.Root, into) {
			t.Fatalf("read as %+v, but go-toml reads %v", d.Root, into)
		}
	})
}

// plain reports whether a value holds no dates and no floats, nor integers that go-toml might find too
// large: the parser lets them through as text, so there is nothing to compare.
func plain(v *Value) bool {
	if _, err := strconv.ParseInt(v.Text, 10, 32); v.Kind == Other || v.Kind == Integer && err != nil {
		return false
	}
	for i := range v.Items {
		if !plain(&v.Items[i]) {
			return false
		}
	}
	for _, e := range v.Entries {
		if !plain(e.Value) {
			return false
		}
	}
	return true
}

// equal compares what both read, as far as it is strings, arrays and tables.
func equal(v *Value, other any) bool {
	switch other := other.(type) {
	case string:
		return v.Kind == String && v.Text == other
	case []any:
		for i := range other {
			if len(v.Items) != len(other) || !equal(&v.Items[i], other[i]) {
				return false
			}
		}
		return v.Kind == Array
	case map[string]any:
		for key, value := range other {
			if e := v.Get(key); e == nil || !equal(e.Value, value) {
				return false
			}
		}
		return v.Kind == Table && len(v.Entries) == len(other)
	}
	return v.Kind == Integer || v.Kind == Boolean || v.Kind == Other
}
