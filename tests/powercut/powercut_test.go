package powercut

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// disk is a disk on which there are d/old, with the text "old", and d.
func disk(t *testing.T, ops ...Op) *Disk {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "d", "old"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Read(dir, "d", "not there")
	if err != nil {
		t.Fatal(err)
	}
	for i, op := range ops {
		if op.Path == "d" && op.Kind == Fsync { // its number is not known to who writes a test
			op.Path, op.Ino = "", 0
			for ino, n := range d.inodes {
				if n == d.root.now["d"] {
					op.Ino = ino
				}
			}
		}
		if err := d.Apply(op); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	return d
}

// found returns everything that may be found after all operations, as sorted lines of "name=text …".
func found(d *Disk) []string {
	seen := map[string]bool{}
	for _, plan := range []Plan{{Singles: true, Random: 200, Seed: 1}, {All: 6}} {
		add(seen, d, plan)
	}
	var list []string
	for text := range seen {
		list = append(list, text)
	}
	sort.Strings(list)
	return list
}

func add(seen map[string]bool, d *Disk, plan Plan) {
	for _, s := range d.States(len(d.Ops), plan) {
		var files []string
		s.Walk(func(name string, e Entry) {
			if e.Type == 0 {
				files = append(files, fmt.Sprintf("%s=%q", strings.TrimPrefix(name, "d/"), e.Data))
			} else if e.Target != "" {
				files = append(files, fmt.Sprintf("%s->%s", strings.TrimPrefix(name, "d/"), e.Target))
			}
		})
		seen[strings.Join(files, " ")] = true
	}
}

const ino = 1 << 50 // no file of the machine has it

func create(name string) Op { return Op{Kind: Create, Path: "d/" + name, Ino: ino, Mode: 0o644} }
func write(at int, text string) Op {
	return Op{Kind: Write, Ino: ino, Offset: int64(at), Data: []byte(text)}
}
func rename(from, to string) Op      { return Op{Kind: Rename, From: "d/" + from, Path: "d/" + to} }
func link(from, to string) Op        { return Op{Kind: Link, From: "d/" + from, Path: "d/" + to} }
func unlink(name string) Op          { return Op{Kind: Unlink, Path: "d/" + name} }
func symlink(name, target string) Op { return Op{Kind: Symlink, Path: "d/" + name, Target: target} }

var (
	syncFile = Op{Kind: Fsync, Ino: ino}
	syncDir  = Op{Kind: Fsync, Path: "d"}
	syncAll  = Op{Kind: Syncfs}
)

// What may be found after a few operations is just what the rules of the package comment say.
func TestStates(t *testing.T) {
	for _, c := range []struct {
		name string
		ops  []Op
		want []string
	}{
		{"nothing", nil, []string{`old="old"`}},
		{"the careful way", []Op{create("t"), write(0, "n"), syncFile, rename("t", "old"), syncDir}, []string{`old="n"`}},
		{"before the last step", []Op{create("t"), write(0, "n"), syncFile, rename("t", "old")},
			[]string{`old="n"`, `old="old"`, `old="old" t="n"`}},
		{"a rename without a sync", []Op{create("t"), write(0, "n"), rename("t", "old"), syncDir},
			[]string{`old=""`, `old="\x00"`, `old="n"`}},
		{"a file without its name", []Op{create("f"), write(0, "n"), syncFile}, []string{`f="n" old="old"`, `old="old"`}},
		{"a name without its file", []Op{create("f"), write(0, "n"), syncDir}, []string{`f="" old="old"`, `f="\x00" old="old"`, `f="n" old="old"`}},
		{"all", []Op{create("f"), write(0, "n"), syncAll}, []string{`f="n" old="old"`}},
		{"two links", []Op{symlink("a", "1"), symlink("b", "2")}, []string{`a->1 b->2 old="old"`, `a->1 old="old"`, `b->2 old="old"`, `old="old"`}},
		{"another name", []Op{link("old", "l")}, []string{`l="old" old="old"`, `old="old"`}},
		{"a removal", []Op{unlink("old")}, []string{``, `old="old"`}},
		{"two renames of one", []Op{rename("old", "a"), rename("a", "b")}, []string{`a="old"`, `b="old"`, `old="old"`}},
		{"fdatasync", []Op{create("f"), write(0, "n"), syncDir, {Kind: Datasync, Ino: ino}}, []string{`f="n" old="old"`}},
		{"one sector twice", []Op{create("f"), write(0, "ab"), syncAll, write(0, "A"), write(1, "B")},
			[]string{`f="AB" old="old"`, `f="Ab" old="old"`, `f="ab" old="old"`}},
		{"a cut", []Op{create("f"), write(0, "ab"), syncAll, {Kind: Truncate, Ino: ino, Size: 1}}, []string{`f="a" old="old"`, `f="ab" old="old"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := found(disk(t, c.ops...)); !slices.Equal(got, c.want) {
				t.Errorf("may be found:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// A write over several sectors can be torn between them.
func TestTornWrite(t *testing.T) {
	text := strings.Repeat("x", 2*Sector)
	got := found(disk(t, create("f"), syncDir, write(0, text)))
	half := fmt.Sprintf("f=%q old=\"old\"", text[:Sector])
	if !slices.Contains(got, half) {
		t.Errorf("never half of it")
	}
	mixed := fmt.Sprintf("f=%q old=\"old\"", strings.Repeat("\x00", Sector)+text[:Sector])
	if !slices.Contains(got, mixed) {
		t.Errorf("never the second half alone")
	}
}

// A directory's names are nothing without its own.
func TestDirectoryWithoutName(t *testing.T) {
	d := disk(t, Op{Kind: Mkdir, Path: "d/sub", Ino: ino, Mode: 0o755}, Op{Kind: Symlink, Path: "d/sub/l", Target: "x"}, syncFile)
	if got := found(d); !slices.Equal(got, []string{`old="old"`, `sub/l->x old="old"`}) && !slices.Equal(got, []string{`old="old"`, `old="old" sub/l->x`}) {
		t.Errorf("%q", got)
	}
	s := d.At(len(d.Ops), func(int) bool { return false })
	s.Walk(func(name string, _ Entry) {
		if strings.HasPrefix(name, "d/sub") {
			t.Errorf("%s is there", name)
		}
	})
}

// What is made is what was found, with links, modes and times; and what is done to a directory without being told is found out.
func TestMake(t *testing.T) {
	d := disk(t, create("f"), write(0, "text"), link("f", "again"), symlink("l", "f"),
		Op{Kind: Chmod, Ino: ino, Mode: 0o444}, Op{Kind: Times, Path: "d/f", Time: 1e9}, Op{Kind: Chmod, Path: "d", Mode: 0o555})
	dir := t.TempDir()
	if err := d.At(len(d.Ops), func(int) bool { return true }).Make(dir, "d"); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "d")
	defer os.Chmod(sub, 0o755)
	if got, err := d.Differences(dir, "d"); err != nil || len(got) > 0 {
		t.Errorf("differs: %q, %v", got, err)
	}
	one, err := os.Stat(filepath.Join(sub, "f"))
	other, err2 := os.Stat(filepath.Join(sub, "again"))
	if err != nil || err2 != nil || !os.SameFile(one, other) || one.ModTime().Unix() != 1 || one.Mode().Perm() != 0o444 {
		t.Errorf("%v, %v, %v, %v", one, other, err, err2)
	}
	if err := os.Chmod(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func() error{
		func() error { return os.WriteFile(filepath.Join(sub, "more"), nil, 0o644) },
		func() error { return os.Remove(filepath.Join(sub, "l")) },
		func() error { return os.WriteFile(filepath.Join(sub, "old"), []byte("new"), 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Differences(dir, "d")
	if want := []string{"d is", "d/l is not there", "d/more is not known", "d/old is"}; err != nil || len(got) != len(want) {
		t.Errorf("differs: %q, %v", got, err)
	}
}

// What refers to what is not known is an error.
func TestRecordNotWhole(t *testing.T) {
	for _, op := range []Op{write(0, "x"), rename("x", "y"), unlink("x"), {Kind: Create, Path: "e/x"}, {Kind: "nonsense", Path: "d/old"}} {
		d := disk(t)
		if err := d.Apply(op); err == nil {
			t.Errorf("%s is no error", op)
		}
	}
}
