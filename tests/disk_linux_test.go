package tests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gostore/tests/upstream"
)

// insideVariable says that a test runs in a mount namespace of its own.
const insideVariable = "GOSTORE_TEST_INSIDE"

// inNamespace runs the calling test again in a mount namespace, where it may mount what it likes, and reports
// whether this is that run.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Errorf("in a mount namespace: %v\n%s", err, out)
	case err != nil:
		t.Skipf("mount namespaces are not permitted: %v", err)
	}
	return false
}

// ownPadding makes the toolchains here differ from those of other tests, and otherPadding from those of either. What a process of another mount namespace has
// open counts by its name, because its path means nothing here.
const (
	ownPadding   = 4321
	otherPadding = 4322
)

// disk is a small file system that can be filled up.
type disk struct {
	t   *testing.T
	dir string
}

// mountMemory mounts a tmpfs of 8 MiB and 2,000 inodes.
func mountMemory(t *testing.T) disk {
	t.Helper()
	d := disk{t, t.TempDir()}
	if err := unix.Mount("small", d.dir, "tmpfs", 0, "size=8m,nr_inodes=2000,mode=755"); err != nil {
		t.Fatalf("mounting a file system in memory: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

// mountExt4 mounts a small ext4 with a journal, of which root may use everything.
func mountExt4(t *testing.T) disk {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	d := disk{t, t.TempDir()}
	for _, command := range [][]string{
		{"truncate", "-s", "12M", image},
		{"mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-N", "1024", "-J", "size=4", image},
		{"mount", "-o", "loop", image, d.dir},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs root, loop devices and mkfs.ext4: %q: %v\n%s", command, err, out)
		}
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

// fileSystems are those that the tests here fill up.
var fileSystems = map[string]func(*testing.T) disk{"tmpfs": mountMemory, "ext4": mountExt4}

// fillBlocks takes all the space that is left.
func (d disk) fillBlocks() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "fill"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for more := true; more; { // what a file system had put by for itself becomes free when it has written
		for more, err = false, nil; err == nil; more = more || err == nil {
			_, err = f.Write(page)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			d.t.Fatal(err)
		}
	}
}

// fillInodes takes all the inodes that are left.
func (d disk) fillInodes() {
	d.t.Helper()
	err := os.Mkdir(filepath.Join(d.dir, "fill"), 0o755)
	for i := 0; err == nil; i++ {
		err = os.WriteFile(filepath.Join(d.dir, "fill", fmt.Sprint(i)), nil, 0o644)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
}

func (d disk) empty() {
	d.t.Helper()
	if err := os.RemoveAll(filepath.Join(d.dir, "fill")); err != nil {
		d.t.Fatal(err)
	}
}

const fullHint = `gostore: hint: the disk is full: "gostore gc" removes what nothing uses`

// On a disk that is full, of blocks or of inodes, whatever needs space fails with advice and leaves nothing half
// made; what is there can be used; a rollback and a collection do their work; and with space again everything goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	for system, mount := range fileSystems {
		for name, fill := range map[string]func(disk){"blocks": disk.fillBlocks, "inodes": disk.fillInodes} {
			t.Run(system+"/"+name, func(t *testing.T) { fillUp(t, mount(t), fill) })
		}
	}
}

func fillUp(t *testing.T, d disk, fill func(disk)) {
	w := newWorldIn(t, upstream.Config{Padding: ownPadding}, d.dir)
	w.sh(`gostore switch go@1.22.5 && gostore switch go@1.22.6 && gostore lock go@1.22.6 && gostore shell -- true
		gostore install go@1.21.0 && cp gostore.lock before`)
	d.t = t
	fill(d)
	w.checkFull()

	// Each takes an inode for a moment, and some of them a block of the history: one gives what the next one takes.
	for range 6 {
		w.sh("gostore rollback 1 && gostore rollback 2")
	}
	if got := w.sh("gostore generations"); !strings.Contains(got, "* 2 ") {
		t.Errorf("after many rollbacks: %s", got)
	}
	if got := w.sh("gostore gc"); !strings.Contains(got, "removed 1 object") {
		t.Errorf("a collection says %s", got)
	}
	if got := w.sh("gostore rollback 1 && gostore gc"); !strings.Contains(got, "removed 0 objects") {
		t.Errorf("what was dead is not gone: %s", got)
	}
	d.empty()
	w.sh("gostore log --verify")
	if got := w.sh("gostore install go@1.21.0 && gostore switch go@1.23.0 && gostore lock go@1.26 && gostore verify"); strings.Contains(got, "damaged") {
		t.Error(got)
	}
}

// checkFull checks what commands say on a full disk, and that they leave no trace.
func (w *world) checkFull() {
	w.t.Helper()
	root := filepath.Join(filepath.Dir(w.dir), "root")
	state := func() string { return w.sh("gostore list --json && gostore generations --json && cat gostore.lock") }
	before := state()
	for _, line := range []string{"gostore install go@1.23.0", "gostore switch go@1.23.0", "gostore shell go@1.23.0 -- true", "gostore lock go@1.26"} {
		if got := w.fails(1, line); !strings.Contains(got, fullHint) {
			w.t.Errorf("%s says %s", line, got)
		}
		if left := leftovers(w.t, root); len(left) > 0 {
			w.t.Errorf("%s left %q", line, left)
		}
	}
	if after := state(); after != before {
		w.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if got := w.sh("gostore shell -- go version && gostore shell go@1.22.6 -- go version && gostore verify && gostore roots && gostore which go"); strings.Count(got, "go1.22.6 ") != 2 {
		w.t.Errorf("what is installed says %s", got)
	}
	if got := w.sh("gostore gc --dry-run"); !strings.Contains(got, "would remove 1 object,") {
		w.t.Errorf("a plan says %s", got)
	}
}

// Without its spare a profile cannot go back on a disk without one free block: a rollback says so and changes nothing, a collection that takes
// old generations needs no record to do it, and makes room for the rollback.
func TestFullDiskWithoutSpare(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	d := mountMemory(t)
	w := newWorldIn(t, upstream.Config{Padding: otherPadding}, d.dir)
	history := filepath.Join(d.dir, "root", "profiles", "default", "history")
	length := func() int {
		fi, err := os.Stat(history)
		if err != nil {
			t.Fatal(err)
		}
		return int(fi.Size())
	}
	w.sh("gostore switch go@1.22.5")
	before := length()
	w.sh("gostore switch go@1.22.6 --check ': '")
	room := 4096 - length() - (length() - before) - 40 // less than a record
	w.sh("gostore switch go@1.23.0 --check ': " + strings.Repeat("x", room) + "'")
	if n := length(); n > 4096 || n < 4000 {
		t.Fatalf("the history has %d bytes", n)
	}
	d.fillBlocks()
	w.sh(`mkdir "$GOSTORE_ROOT/kept" && mv "$GOSTORE_ROOT/profiles/default/spare" "$GOSTORE_ROOT/kept"`)
	if got := w.fails(1, "gostore rollback"); !strings.Contains(got, fullHint) {
		t.Errorf("a rollback says %s", got)
	}
	if got := w.sh("gostore generations"); !strings.Contains(got, "* 3 ") || strings.Contains(got, "gostore rollback") {
		t.Errorf("after it: %s", got)
	}
	if got := w.sh("gostore gc --keep 2"); !strings.Contains(got, "removed generation default 1\n") || !strings.Contains(got, "removed 2 objects") {
		t.Errorf("a collection says %s", got)
	}
	if got := w.sh("gostore rollback && gostore generations && gostore log --verify"); !strings.Contains(got, "* 2 ") {
		t.Errorf("with the space that it made: %s", got)
	}
	if fi, err := os.Stat(w.root("profiles", "default", "spare")); err != nil || fi.Size() != 16<<10 {
		t.Errorf("the spare is not there again: %v, %v", fi, err)
	}
}
