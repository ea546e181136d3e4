// Package textfile reads the files that people write, review and merge, and says exactly
// where something in them is wrong.
//
// It promises that a file is read whole and within a limit, that it is text (UTF-8 without
// NUL), and that every complaint about its contents carries file, line and column. Lines and
// columns count from 1, columns in bytes, as Go's own tools count them.
//
// It knows no file's meaning: what a key or a line says is for the packages that use it.
package textfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// Error is one complaint about one place in a file.
type Error struct {
	File   string // as the caller named the file
	Line   int    // from 1
	Column int    // in bytes, from 1; 0 when the whole line is meant
	Msg    string
	Err    error // what errors.Is and errors.As may look for, or nil
}

func (e *Error) Error() string { return e.Place() + ": " + e.Msg }

// Place returns FILE:LINE:COLUMN, the form that editors jump to.
func (e *Error) Place() string {
	if e.Column == 0 {
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// ErrorList is everything that is wrong with one file, in the file's order. It is never empty.
type ErrorList []*Error

// maxShown bounds the message of a file that is wrong from end to end.
const maxShown = 20

// Error returns a line for each complaint, without a newline at the end.
func (l ErrorList) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxShown {
			fmt.Fprintf(&b, "%s: and %d more errors", e.File, len(l)-i)
			break
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.Is and errors.As look at each complaint.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// sorted returns the complaints in the file's order.
func (l ErrorList) sorted() ErrorList {
	slices.SortStableFunc(l, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l
}

// Read returns the contents of the regular file path (or of the file that a link of that name
// points to) if it is text of at most limit bytes. A file that is not there satisfies
// fs.ErrNotExist; bytes that are not text are an *Error.
func Read(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err // an *fs.PathError, which names the file
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("reading %q: larger than %d bytes", path, limit)
	}
	return data, checkText(path, data)
}

// openRegular opens path for reading and refuses what is not a regular file. It looks before
// it opens, because opening a named pipe waits for a writer, and again afterwards, because the
// name may have changed hands.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	if err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, notRegular(path))
	}
	return f, nil
}

// open is os.Open without asking the kernel whether the file can be waited for, which costs a program that starts and reads little else
// eight system calls.
func open(path string) (*os.File, error) {
	fd, err := sys.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func notRegular(path string) error {
	return &fs.PathError{Op: "reading", Path: path, Err: errors.New("not a regular file")}
}

// checkText reports the first byte that text cannot hold.
func checkText(name string, data []byte) error {
	offset, msg := bytes.IndexByte(data, 0), "a NUL byte: this is not a text file"
	if offset < 0 {
		if utf8.Valid(data) {
			return nil
		}
		for offset = 0; ; {
			r, size := utf8.DecodeRune(data[offset:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			offset += size
		}
		msg = fmt.Sprintf("byte 0x%02x is not UTF-8", data[offset])
	}
	line, column := position(data, offset)
	return &Error{File: name, Line: line, Column: column, Msg: msg}
}

// position turns a byte offset into a line and a column.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	return bytes.Count(before, []byte("\n")) + 1, offset - bytes.LastIndexByte(before, '\n')
}
