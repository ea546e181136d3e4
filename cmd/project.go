package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/project"
	"gostore/internal/settings"
	"gostore/lock"
)

// readLock returns the lock of a project and its bytes. Where there is none the lock is empty and the
// error is fs.ErrNotExist.
func readLock(p project.Project) (*lock.File, []byte, error) {
	data, err := lock.Text(p.LockPath())
	if err != nil {
		return new(lock.File), nil, err
	}
	f, err := lock.Parse(p.LockPath(), data)
	return f, data, err
}

// lockedProject is a project that has a lock.
type lockedProject struct {
	path string
	data []byte
	file *lock.File
}

// lockedProject returns the project around the working directory; without a lock it is fs.ErrNotExist.
func (a *app) lockedProject() (lockedProject, error) {
	p, err := project.Find(a.cfg.Dir)
	if err != nil {
		return lockedProject{}, noLock(p, err)
	}
	f, data, err := readLock(p)
	if err != nil {
		return lockedProject{}, noLock(p, err)
	}
	return lockedProject{p.LockPath(), data, f}, nil
}

// noLock explains a lock that is not there.
func noLock(p project.Project, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tip := "make one: gostore lock go@1.22"
	if asks, asksErr := p.Asks(); asksErr == nil && len(asks) > 0 {
		tip = fmt.Sprintf("make one: gostore lock (%s asks for %s)", asks[0].Place(), asks[0].Request)
	}
	return advise(&missingLockError{err}, exitNotFound, tip)
}

// missingLockError is a project, or a directory that is none, without a lock.
type missingLockError struct{ err error }

func (e *missingLockError) Error() string { return "no " + lock.Name + " here or in a directory above" }
func (e *missingLockError) Unwrap() error { return e.err }

// projectLines returns the [check] of the gostore.toml beside a lock: lines that run in the project's directory and with its
// variables.
func projectLines(lockPath string) ([]environment.Line, error) {
	dir := filepath.Dir(lockPath)
	path := filepath.Join(dir, settings.Name)
	s, err := settings.Read(path)
	if err != nil {
		return nil, err
	}
	over := enter.WishesOf(path, s).Over()
	var lines []environment.Line
	for _, command := range s.Check.Run {
		lines = append(lines, environment.Line{Command: command, Dir: dir, Over: over, Limit: s.Check.Limit})
	}
	return lines, nil
}
