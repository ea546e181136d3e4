package guard

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// stranger is somebody who owns nothing here.
const stranger = 64123

// world makes a/b/c and returns its directory. Everything in it belongs to whoever runs the tests.
func world(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func chmod(t *testing.T, mode os.FileMode, path ...string) {
	t.Helper()
	if err := os.Chmod(filepath.Join(path...), mode); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target string, path ...string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

func TestPath(t *testing.T) {
	for name, c := range map[string]struct {
		make    func(t *testing.T, dir string)
		path    string
		at      string // where the problem is
		problem Problem
	}{
		"plain":              {path: "a/b/c"},
		"not there":          {path: "a/b/none/at/all"},
		"closed":             {func(t *testing.T, d string) { chmod(t, 0o700, d, "a") }, "a/b/c", "", 0},
		"open":               {func(t *testing.T, d string) { chmod(t, 0o777, d, "a/b/c") }, "a/b/c", "a/b/c", OpenToAll},
		"open and sticky":    {func(t *testing.T, d string) { chmod(t, 0o777|os.ModeSticky, d, "a/b/c") }, "a/b/c", "a/b/c", OpenToAll},
		"open parent":        {func(t *testing.T, d string) { chmod(t, 0o777, d, "a") }, "a/b/c", "a", OpenToAll},
		"open, not there":    {func(t *testing.T, d string) { chmod(t, 0o777, d, "a") }, "a/none", "a", OpenToAll},
		"sticky parent":      {func(t *testing.T, d string) { chmod(t, 0o777|os.ModeSticky, d, "a") }, "a/b/c", "", 0},
		"link":               {func(t *testing.T, d string) { link(t, "b/c", d, "a/l") }, "a/l", "", 0},
		"absolute link":      {func(t *testing.T, d string) { link(t, filepath.Join(d, "a/b"), d, "a/l") }, "a/l/c", "", 0},
		"link up":            {func(t *testing.T, d string) { link(t, "../../a/b", d, "a/b/l") }, "a/b/l/c", "", 0},
		"link to what opens": {func(t *testing.T, d string) { link(t, "b", d, "a/l"); chmod(t, 0o777, d, "a/b") }, "a/l/c", "a/b", OpenToAll},
		"link past an open": {func(t *testing.T, d string) {
			link(t, filepath.Join(d, "a/b/c"), d, "l")
			chmod(t, 0o777, d, "a")
		}, "l", "a", OpenToAll},
	} {
		t.Run(name, func(t *testing.T) {
			dir := world(t)
			if c.make != nil {
				c.make(t, dir)
			}
			err := User{ID: os.Getuid()}.Path(filepath.Join(dir, c.path))
			expect(t, err, filepath.Join(dir, c.at), c.problem)
		})
	}
}

// expect checks that an error is about a path, nil where the problem is 0.
func expect(t *testing.T, err error, at string, problem Problem) {
	t.Helper()
	var found *Error
	switch {
	case problem == 0 && err != nil:
		t.Errorf("refused: %v", err)
	case problem != 0 && (!errors.As(err, &found) || found.Path != at || found.Problem != problem):
		t.Errorf("%v; want problem %d at %q", err, problem, at)
	}
}

// Groups are the owner's own by their number.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		uid, gid uint32
		problem  Problem
	}{{1000, 1000, 0}, {1000, 100, OpenToGroup}, {0, 0, 0}, {0, 50, OpenToGroup}} {
		st := unix.Stat_t{Uid: c.uid, Gid: c.gid, Mode: unix.S_IFDIR | 0o775}
		expect(t, User{ID: 1000}.Dir("/x", &st), "/x", c.problem)
	}
}

func TestOwners(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("what root owns is nobody's objection")
	}
	dir := world(t)
	path := filepath.Join(dir, "a")
	expect(t, User{ID: stranger}.Path(path), firstOwn(t, path), Foreign)
	expect(t, User{ID: os.Getuid()}.Path(path), "", 0)
}

// Root may live among others, except where strangers may make things and in what is theirs.
func TestAmongOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := world(t)
	give := func(path string) {
		if err := os.Lchown(filepath.Join(dir, path), stranger, stranger); err != nil {
			t.Fatal(err)
		}
	}
	among, alone := User{ID: 0, Among: true}, User{ID: 0}
	give("a")
	expect(t, among.Path(filepath.Join(dir, "a/b")), "", 0)
	expect(t, among.Path(filepath.Join(dir, "a")), filepath.Join(dir, "a"), Foreign)
	expect(t, alone.Path(filepath.Join(dir, "a/b")), filepath.Join(dir, "a"), Foreign)
	chmod(t, 0o777|os.ModeSticky, dir)
	expect(t, among.Path(filepath.Join(dir, "a/b")), filepath.Join(dir, "a"), Foreign)
	link(t, "a/b", dir, "l")
	give("l")
	expect(t, among.Path(filepath.Join(dir, "l")), filepath.Join(dir, "l"), ForeignLink)
	expect(t, User{ID: stranger}.Path(filepath.Join(dir, "l")), "", 0)
}

// firstOwn returns the first directory on the way to path that does not belong to root.
func firstOwn(t *testing.T, path string) string {
	t.Helper()
	at := path
	for dir := path; ; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		if err := unix.Lstat(dir, &st); err != nil {
			t.Fatal(err)
		}
		if st.Uid != 0 {
			at = dir
		}
		if dir == "/" {
			return at
		}
	}
}

func TestLoop(t *testing.T) {
	dir := world(t)
	link(t, "m", dir, "l")
	link(t, "l", dir, "m")
	if err := (User{ID: os.Getuid()}).Path(filepath.Join(dir, "l")); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop of links: %v", err)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(world(t), "a", "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (User{ID: os.Getuid()}).Path(path); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a file: %v", err)
	}
}

func TestMapped(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true,
		"         0       1000          1\n": false,
		"0 1000 1\n1 100000 65536\n":         true,
		"0 1000 1\n1 100000 65534\n":         true,
		"0 1000 1\n1 100000 65533\n":         false,
		"":                                   false,
		"something else\n":                   true,
		"65534 1 1\n":                        true,
		"65535 1 1\n":                        false,
		"18446744073709551615 1 18446744073709551615 \n": false,
	} {
		if got := mapped(text, overflowUID); got != want {
			t.Errorf("mapped(%q) is %v", text, got)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if err := (User{ID: os.Getuid()}).Path(dir); err != nil {
			b.Fatal(err)
		}
	}
}
