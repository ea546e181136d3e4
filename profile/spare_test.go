package profile

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// size returns the size of the spare, -1 without one.
func size(t *testing.T, p *Profile) int64 {
	t.Helper()
	fi, err := os.Lstat(p.path(spareName))
	if errors.Is(err, os.ErrNotExist) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

func TestSpareIsThereAfterEachChange(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	for what, spoil := range map[string]func() error{
		"lost": func() error { return os.Remove(p.path(spareName)) },
		"torn": func() error { return os.Truncate(p.path(spareName), 5) },
	} {
		if n := size(t, p); n != spareSize {
			t.Fatalf("the spare has %d bytes", n)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		switchTo(t, p, what)
	}
	if n := size(t, p); n != spareSize {
		t.Errorf("in the end the spare has %d bytes", n)
	}
}

func TestSpareIsNoLink(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	elsewhere := p.path("elsewhere")
	if err := errors.Join(os.Remove(p.path(spareName)), os.Symlink(elsewhere, p.path(spareName))); err != nil {
		t.Fatal(err)
	}
	switchTo(t, p, "2")
	if _, err := os.Lstat(elsewhere); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a spare that is a link was followed: %v", err)
	}
}

// Only what lacks space is tried again, once, and only where a spare was given up for it.
func TestWithSpare(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		name    string
		spare   bool
		answers []error
		want    error
		left    bool
	}{
		{"success", true, []error{nil}, nil, true},
		{"another failure", true, []error{other}, other, true},
		{"a full disk", true, []error{syscall.ENOSPC, nil}, nil, false},
		{"a full quota", true, []error{&os.PathError{Err: syscall.EDQUOT}, nil}, nil, false},
		{"a disk that stays full", true, []error{syscall.ENOSPC, syscall.ENOSPC}, syscall.ENOSPC, false},
		{"no spare", false, []error{syscall.ENOSPC}, syscall.ENOSPC, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &Profile{dir: t.TempDir()}
			if c.spare {
				p.fillSpare()
			}
			answers := c.answers
			err := p.withSpare(func() error {
				err := answers[0]
				answers = answers[1:]
				return err
			})
			if !errors.Is(err, c.want) || len(answers) > 0 {
				t.Errorf("it returned %v with %d attempts left", err, len(answers))
			}
			if left := size(t, p) >= 0; left != c.left {
				t.Errorf("the spare is there: %v", left)
			}
		})
	}
}

// What a change that failed returns refers to no record: the log would name one that is not in the history.
func TestFailedRecordIsNoRecord(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("there is no device that is always full")
	}
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	history := p.path(historyName)
	if err := errors.Join(os.Remove(history), os.Symlink(full, history)); err != nil {
		t.Fatal(err)
	}
	g, err := p.Rollback(t.Context(), 1, Who{}, noon)
	if !errors.Is(err, syscall.ENOSPC) || g.By.Number != 0 {
		t.Errorf("a rollback returned record %d, %v", g.By.Number, err)
	}
}
