package sys

import (
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// What is interrupted is called again, however the error is wrapped, and whatever else it says is returned as it is.
func TestAgain(t *testing.T) {
	for _, want := range []error{nil, unix.ENOENT, &fs.PathError{Op: "open", Path: "x", Err: unix.EIO}} {
		answers := []error{unix.EINTR, &os.LinkError{Op: "renameat", Old: "a", New: "b", Err: unix.EINTR}, want}
		calls := 0
		got := Again(func() error { calls++; return answers[calls-1] })
		if got != want || calls != len(answers) {
			t.Errorf("%v after %d calls, want %v after %d", got, calls, want, len(answers))
		}
	}
}

// The number is that of the last call, also beside an error.
func TestNumber(t *testing.T) {
	for _, want := range []error{nil, unix.EIO} {
		calls := 0
		n, err := number(func() (int, error) {
			if calls++; calls < 3 {
				return -1, unix.EINTR
			}
			return 7, want
		})
		if n != 7 || err != want || calls != 3 {
			t.Errorf("%d, %v after %d calls, want 7, %v after 3", n, err, calls, want)
		}
	}
}

// Trees of ten thousand files are read by these: they take no memory but what package unix takes.
func TestAllocations(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	var st unix.Stat_t
	buf := make([]byte, 1)
	for name, do := range map[string][2]func() error{
		"Fstat":   {func() error { return Fstat(fd, &st) }, func() error { return unix.Fstat(fd, &st) }},
		"Fstatat": {func() error { return Fstatat(fd, ".", &st, 0) }, func() error { return unix.Fstatat(fd, ".", &st, 0) }},
		"Lstat":   {func() error { return Lstat("/", &st) }, func() error { return unix.Lstat("/", &st) }},
		"Read":    {func() error { _, err := Read(fd, buf); return err }, func() error { _, err := unix.Read(fd, buf); return err }},
		"Openat":  {func() error { _, err := Openat(fd, "x", 0, 0); return err }, func() error { _, err := unix.Openat(fd, "x", 0, 0); return err }},
	} {
		got, want := testing.AllocsPerRun(100, func() { do[0]() }), testing.AllocsPerRun(100, func() { do[1]() })
		if got != want {
			t.Errorf("%s allocates %v times, package unix %v", name, got, want)
		}
	}
}
