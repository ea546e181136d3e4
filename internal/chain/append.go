package chain

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"gostore/internal/digest"
)

// block is how much is read at once from the end of a text: some tens of records.
const block = 16 << 10

// Tail is the end of a text: what the next line has to follow.
type Tail struct {
	Head        // the highest number that was seen, and the digest of the last line, whatever it says
	size int64  // bytes up to the end of the last line that is not torn
	torn bool   // something follows there
	path string // of the text
}

// Next returns the mark of the line that Append is to write.
func (t Tail) Next() Mark { return Mark{Number: t.Number + 1, Prev: t.Digest} }

// Back is told a line, from the end of a text, and the digest of it. It returns the number of the record and whether it wants to
// see the line before, or an error for a line that is no record.
type Back func(text []byte, sum digest.Content) (number int, more bool, err error)

// ReadTail reads a text from its end, line by line, as long as back asks for more. A text that does not exist is empty. Lines
// that are no records are passed over, except that a last one of that kind is torn.
func ReadTail(path string, back Back) (Tail, error) {
	t := Tail{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return t, err
	}
	r := reverse{f: f, from: end}
	if err := r.cutTorn(); err != nil {
		return t, err
	}
	t.size, t.torn = r.end(), r.end() < end
	for more := true; more && r.end() > 0; {
		text, err := r.line()
		if err != nil {
			return t, err
		}
		sum := digest.Sum(text)
		number, again, err := back(text, sum)
		if err != nil && t.size == end && t.Digest == (digest.Content{}) {
			t.size, t.torn = r.end(), true // complete, yet not what was written
			continue
		}
		if t.Digest == (digest.Content{}) {
			t.Digest = sum
		}
		if err == nil {
			t.Number, more = max(t.Number, number), again
		}
	}
	return t, nil
}

// Append writes a line, whose mark is t.Next, to the end of the text, which is created with perm where it is missing: ftruncate where
// the end is torn, one write, fsync. When it fails the line is taken back as far as that is possible. A new file is
// durable when its directory was synced.
func (t Tail) Append(text []byte, perm fs.FileMode) (err error) {
	f, err := os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Truncate(t.size) // best effort
		}
		err = errors.Join(err, f.Close())
	}()
	if t.torn {
		if err := f.Truncate(t.size); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(append(bytes.Clone(text), '\n'), t.size); err != nil {
		return err
	}
	return f.Sync()
}

// reverse reads a file from its end.
type reverse struct {
	f    *os.File
	from int64  // where buf begins in the file
	buf  []byte // what was read and not yet returned
}

// end returns the offset behind what is left to return.
func (r *reverse) end() int64 { return r.from + int64(len(r.buf)) }

// cutTorn drops what follows the last newline.
func (r *reverse) cutTorn() error {
	for {
		if i := bytes.LastIndexByte(r.buf, '\n'); i >= 0 {
			r.buf = r.buf[:i+1]
			return nil
		}
		r.buf = r.buf[:0]
		if r.from == 0 {
			return nil
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// line returns the last line without its newline. There is one.
func (r *reverse) line() ([]byte, error) {
	for {
		if len(r.buf) > 0 {
			i := bytes.LastIndexByte(r.buf[:len(r.buf)-1], '\n')
			if i >= 0 || r.from == 0 {
				text := r.buf[i+1 : len(r.buf)-1]
				r.buf = r.buf[:i+1]
				return text, nil
			}
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads another block, or as much as there already is where a line is long, before what is there.
func (r *reverse) fill() error {
	n := min(r.from, int64(max(block, len(r.buf))))
	buf := make([]byte, n, n+int64(len(r.buf)))
	if _, err := r.f.ReadAt(buf, r.from-n); err != nil {
		return err
	}
	r.from, r.buf = r.from-n, append(buf, r.buf...)
	return nil
}
