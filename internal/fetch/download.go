package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Options say how to download. The zero value sets no limit and reports nothing.
type Options struct {
	MaxSize  int64                   // refuse to read more bytes; 0 is no limit
	Progress func(done, total int64) // called as bytes arrive, from one goroutine; total is -1 when not known
}

// StatePath returns the name of the file beside part that says what part is the beginning of.
// Whoever removes a part removes this as well; left behind it is harmless.
func StatePath(part string) string { return part + ".etag" }

// PartDir returns the name of the directory that belongs to part, for downloads of more than one file. Whoever wants it
// makes it; whoever removes a part removes it as well.
func PartDir(part string) string { return part + ".d" }

// Download reads url into the file part, which it creates if need be and never renames or
// replaces, so that a lock on it stays good. The caller sees to it that nobody else writes
// part meanwhile.
//
// What part already holds is continued if it is the beginning of the same URL: with Range,
// and If-Range where the server stated a validator. If it is already whole, nothing is
// requested. Whenever Download fails, also when ctx ends, part keeps what has arrived.
//
// Errors are those of Get. Failing to write is an *fs.PathError (its Err may be
// syscall.ENOSPC); an answer longer than opt.MaxSize is ErrTooLarge.
func (c *Client) Download(ctx context.Context, url, part string, opt Options) error {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d := &download{c: c, url: url, f: f, opt: opt}
	err = d.run(ctx)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// download is one call of Download.
type download struct {
	c    *Client
	url  string
	from string // the candidate that is asked at the moment
	f    *os.File
	opt  Options
	have int64 // bytes in f, all of them from the beginning of what state describes
	state
}

// state describes what a part is the beginning of. It is written before the part's first
// byte and after the part was emptied, so a state never describes bytes of another file,
// whatever instant the process ends at. After a power cut the part may hold zeroes in place
// of bytes; the digest tells.
type state struct {
	validator string // for If-Range: a strong entity tag, or a date, or "" when the server states none
	total     int64  // bytes of the whole file, -1 when not known
}

func (d *download) run(ctx context.Context) error {
	if err := d.load(); err != nil {
		return err
	}
	if d.whole() {
		d.report()
		return d.checkSize(d.total)
	}
	return d.c.rotate(ctx, d.url, func(ctx context.Context, from string) (bool, error) {
		before := d.have
		d.from = from
		err := d.attempt(ctx)
		// 64 KiB: a connection that breaks within less is not getting anywhere.
		return d.have >= before+64<<10, err
	})
}

func (d *download) whole() bool { return d.have > 0 && d.have == d.total }

// attempt sends one request and appends what it brings.
func (d *download) attempt(ctx context.Context) error {
	header := http.Header{}
	if d.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		if d.validator != "" {
			header.Set("If-Range", d.validator)
		}
	}
	resp, err := d.c.do(ctx, http.MethodGet, d.from, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := checkBody(resp); err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		err = d.restart(state{validatorOf(resp.Header), resp.ContentLength})
	case resp.StatusCode == http.StatusPartialContent && d.have > 0:
		err = d.resume(resp)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.have > 0:
		return d.tooFar(resp)
	default:
		return statusError(d.from, resp)
	}
	if err != nil {
		return err
	}
	return d.receive(resp.Body)
}

// resume checks that a 206 answer continues what the part holds.
func (d *download) resume(resp *http.Response) error {
	start, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	v := validatorOf(resp.Header)
	same := ok && start == d.have && (d.total < 0 || total < 0 || total == d.total) &&
		(v == "" || d.validator == "" || v == d.validator)
	if !same {
		if err := d.restart(state{"", -1}); err != nil {
			return err
		}
		return errors.New("the file changed on the server, or the server continued it at a wrong place")
	}
	if d.total < 0 && total >= 0 {
		d.total = total
		return d.save()
	}
	return nil
}

// tooFar handles 416: the part is whole, which the server may be the first to say, or it is
// longer than the file and worth nothing.
func (d *download) tooFar(resp *http.Response) error {
	_, total, _ := parseContentRange(resp.Header.Get("Content-Range"))
	if total == d.have && (d.total < 0 || d.total == total) {
		d.total = total
		return d.save()
	}
	if err := d.restart(state{"", -1}); err != nil {
		return err
	}
	return errors.New("the partial download is longer than the file on the server")
}

// restart empties the part and records what it is going to hold.
func (d *download) restart(s state) error {
	if err := d.f.Truncate(0); err != nil {
		return err
	}
	d.have, d.state = 0, s
	return d.save()
}

// receive appends body to the part until it ends.
func (d *download) receive(body io.Reader) error {
	if d.total >= 0 {
		if err := d.checkSize(d.total); err != nil {
			return err
		}
	}
	d.report()
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if d.total >= 0 && d.have+int64(n) > d.total {
				return errors.Join(d.restart(state{"", -1}), final(fmt.Errorf("the server sent more than the %d bytes it stated", d.total)))
			}
			if err := d.checkSize(d.have + int64(n)); err != nil {
				return err
			}
			if _, err := d.f.WriteAt(buf[:n], d.have); err != nil {
				return err
			}
			d.have += int64(n)
			d.report()
		}
		switch {
		case err == io.EOF && d.total >= 0 && d.have < d.total:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			d.total = d.have
			return d.save()
		case err != nil:
			return err
		}
	}
}

func (d *download) checkSize(size int64) error {
	if d.opt.MaxSize > 0 && size > d.opt.MaxSize {
		return final(tooLarge(d.opt.MaxSize))
	}
	return nil
}

func (d *download) report() {
	if d.opt.Progress != nil {
		d.opt.Progress(d.have, d.total)
	}
}

// load finds out what the part holds; a part without a readable state for this URL is emptied.
func (d *download) load() error {
	info, err := d.f.Stat()
	if err != nil {
		return err
	}
	d.state = state{"", -1}
	if info.Size() == 0 {
		return nil
	}
	data, err := os.ReadFile(StatePath(d.f.Name()))
	s, ok := parseState(d.url, data)
	if err != nil || !ok {
		return d.f.Truncate(0)
	}
	d.have, d.state = info.Size(), s
	return nil
}

// save writes the state. It is not synced: losing it costs a download from the beginning.
func (d *download) save() error {
	return os.WriteFile(StatePath(d.f.Name()), formatState(d.url, d.state), 0o600)
}

// The state's text is three lines: the SHA-256 of the URL (which may hold a password), the
// total size or -1, and the validator.
func formatState(url string, s state) []byte {
	sum := sha256.Sum256([]byte(url))
	return fmt.Appendf(nil, "%s\n%d\n%s\n", hex.EncodeToString(sum[:]), s.total, s.validator)
}

func parseState(url string, data []byte) (s state, ok bool) {
	lines := strings.Split(string(data), "\n")
	if len(lines) != 4 {
		return s, false
	}
	total, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || total < -1 {
		return s, false
	}
	s = state{lines[2], total}
	return s, string(formatState(url, s)) == string(data)
}

// validatorOf returns what If-Range may hold: a strong entity tag, else the date of last
// modification, else "".
func validatorOf(h http.Header) string {
	v := h.Get("ETag")
	if v == "" {
		v = h.Get("Last-Modified")
	}
	if strings.HasPrefix(v, "W/") || strings.ContainsAny(v, "\r\n") {
		return ""
	}
	return v
}

// parseContentRange reads "bytes 5-9/10", "bytes 5-9/*" and "bytes */10". What is not stated is -1.
func parseContentRange(s string) (start, total int64, ok bool) {
	span, size, found := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	if !found || !strings.HasPrefix(s, "bytes ") {
		return -1, -1, false
	}
	start, total = -1, -1
	if size != "*" {
		n, err := strconv.ParseUint(size, 10, 63)
		if err != nil {
			return -1, -1, false
		}
		total = int64(n)
	}
	if span != "*" {
		first, _, _ := strings.Cut(span, "-")
		n, err := strconv.ParseUint(first, 10, 63)
		if err != nil {
			return -1, -1, false
		}
		start = int64(n)
	}
	return start, total, true
}
