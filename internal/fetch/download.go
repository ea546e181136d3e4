package fetch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

var (
	// ErrNoRanges says that a server sends files as a whole only, where some ranges of one were asked for.
	ErrNoRanges = errors.New("the server does not send ranges of the file")

	// ErrChanged says that a server has another file now than the one that a part holds ranges of.
	ErrChanged = errors.New("the file changed on the server, or the server continued it at a wrong place")
)

// Options say how to download. The zero value brings the whole file, sets no limit and reports nothing.
type Options struct {
	MaxSize int64 // refuse a file of more bytes; 0 is no limit

	// Progress is called as bytes arrive, by one goroutine at a time: with how many of those asked for the part holds,
	// and how many were asked for, -1 when that is not known.
	Progress func(done, total int64)

	// Ranges are the bytes that are needed; nil is all of them. What lies between ranges that are close to each
	// other is brought along. The part is sparse then: Held says what it has.
	Ranges []Range

	// Parallel is how many connections to use at once. 0 is as many as turn out to be worth it.
	Parallel int
}

// StatePath returns the name of the file beside part that says what part holds.
// Whoever removes a part removes this as well; left behind it is harmless.
func StatePath(part string) string { return part + ".etag" }

// PartDir returns the name of the directory that belongs to part, for downloads of more than one file. Whoever wants it
// makes it; whoever removes a part removes it as well.
func PartDir(part string) string { return part + ".d" }

// Download reads url into the file part, which it creates if need be and never renames or
// replaces, so that a lock on it stays good. The caller sees to it that nobody else writes
// part meanwhile.
//
// What part already holds of the same URL is kept, and the rest is asked for: with Range,
// and If-Range where the server stated a validator. If nothing is missing, nothing is
// requested. Whenever Download fails, also when ctx ends, part keeps what has arrived. Mirrors
// of url are asked as well, see Mirror; bytes of files of different length are never mixed.
//
// Errors are those of Get. Failing to write is an *fs.PathError (its Err may be
// syscall.ENOSPC); a file longer than opt.MaxSize is ErrTooLarge. With opt.Ranges, ErrNoRanges and
// ErrChanged mean that only the whole file can be had; part then still holds what it held.
func (c *Client) Download(ctx context.Context, url, part string, opt Options) error {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d := &download{c: c, url: url, f: f, opt: opt}
	err = d.run(ctx)
	d.closeJournal()
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

	mu sync.Mutex // guards what follows
	state
	journal *os.File // the state's file, open while the part is sparse
	logged  int64    // its length
	gained  int64    // bytes that arrived in this attempt
}

// maxGap is how many bytes that nobody asked for are worth less than another request. The answer to a request begins after 140 ms
// from a module proxy far away, in which 64 KiB arrive over 4 Mbit/s; for the neighbour of a Go release, 16 requests in
// place of 18 bring 0.1 % more of its zip. 1 MiB would be right for a fast line, and bring 5 % more.
const maxGap = 64 << 10

// worthwhile is how much has to arrive for an attempt not to count as one in vain: a connection that breaks within less is
// not getting anywhere.
const worthwhile = 64 << 10

func (d *download) run(ctx context.Context) error {
	if err := d.load(); err != nil {
		return err
	}
	if d.complete() {
		d.report()
		return d.checkSize(d.total)
	}
	return d.c.rotate(ctx, d.url, func(ctx context.Context, from string) (bool, error) {
		d.from, d.gained = from, 0
		err := d.attempt(ctx)
		return d.gained >= worthwhile, err
	})
}

// wanted returns the bytes that were asked for. Those that the end of a file of unknown length counts for are left out, and
// unknown is true.
func (d *download) wanted() (want extents, unknown bool) {
	if d.opt.Ranges == nil {
		end := d.total
		if end < 0 {
			end = math.MaxInt64
		}
		return extents{{0, end}}, d.total < 0
	}
	var known []Range
	for _, r := range d.opt.Ranges {
		if r.Start < 0 {
			if d.total < 0 {
				unknown = true
				continue
			}
			r = Range{max(0, d.total+r.Start), d.total}
		}
		if d.total >= 0 {
			r.End = min(r.End, d.total)
		}
		known = append(known, r)
	}
	return extentsOf(known, maxGap), unknown
}

// complete reports whether nothing is missing.
func (d *download) complete() bool {
	want, unknown := d.wanted()
	return !unknown && len(want.without(d.have)) == 0 && (d.opt.Ranges != nil || len(d.have) > 0)
}

func (d *download) checkSize(size int64) error {
	if d.opt.MaxSize > 0 && size > d.opt.MaxSize {
		return final(tooLarge(d.opt.MaxSize))
	}
	return nil
}

func (d *download) report() {
	if d.opt.Progress == nil {
		return
	}
	want, unknown := d.wanted()
	if unknown {
		d.opt.Progress(d.have.bytes(), -1)
		return
	}
	d.opt.Progress(want.bytes()-want.without(d.have).bytes(), want.bytes())
}

// accept judges an answer to a request for s, whose body is to be written from s.Start on if there is no error.
func (r *round) accept(resp *http.Response, s *segment) error {
	if err := checkBody(resp); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch asked := s.asked != ""; {
	case resp.StatusCode == http.StatusOK:
		return r.whole(resp, s)
	case resp.StatusCode == http.StatusPartialContent && asked:
		return r.partial(resp, s)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && asked:
		return r.tooFar(resp, s)
	default:
		return statusError(r.from, resp)
	}
}

// whole handles 200: the server starts from the beginning.
func (r *round) whole(resp *http.Response, s *segment) error {
	v := validatorOf(resp.Header)
	switch {
	case r.opt.Ranges == nil && (r.running > 1 || s.victim != nil):
		return errNotAlone
	case r.opt.Ranges == nil:
		if err := r.restart(state{validator: v, total: resp.ContentLength, from: sumOf(r.from)}); err != nil {
			return err
		}
		want, _ := r.wanted()
		s.Range, s.recorded, r.queue = want[0], 0, nil
		return r.begin(s)
	case r.sameServer() && v != "" && r.validator != "" && v != r.validator,
		resp.ContentLength >= 0 && r.total >= 0 && resp.ContentLength != r.total:
		return final(ErrChanged)
	}
	return final(ErrNoRanges)
}

// partial checks that a 206 answer is what was asked for, of the file that the part is of.
func (r *round) partial(resp *http.Response, s *segment) error {
	start, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if ok && s.Start < 0 && total >= 0 {
		s.Range = Range{max(0, total+s.Start), total}
	}
	v := validatorOf(resp.Header)
	same := ok && start == s.Start && (r.total < 0 || total < 0 || total == r.total) &&
		(v == "" || r.validator == "" || !r.sameServer() || v == r.validator)
	switch {
	case !same && s.victim != nil:
		return errNotAlone
	case !same:
		return r.changed(ErrChanged)
	case total < 0 && r.total < 0 && r.opt.Ranges != nil:
		return final(ErrNoRanges)
	}
	if r.total < 0 && total >= 0 {
		r.total, s.End = total, min(s.End, total)
		if len(r.have) == 0 {
			r.validator, r.state.from = v, sumOf(r.from)
		}
		if err := r.save(); err != nil {
			return err
		}
	}
	return r.begin(s)
}

// tooFar handles 416: the part is whole, which the server may be the first to say, or it is
// longer than the file and worth nothing.
func (r *round) tooFar(resp *http.Response, s *segment) error {
	_, total, _ := parseContentRange(resp.Header.Get("Content-Range"))
	if r.opt.Ranges == nil && r.total < 0 && total == s.Start && total == r.have.prefix() {
		r.total, s.End = total, total
		return r.save()
	}
	if r.opt.Ranges != nil {
		return final(ErrChanged)
	}
	return r.changed(errors.New("the partial download is longer than the file on the server"))
}

// sameServer reports whether the validator means something to the server that is asked.
func (d *download) sameServer() bool { return d.state.from == sumOf(d.from) }

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

// rangeHeader returns the value of Range for s.
func (d *download) rangeHeader(s Range) string {
	switch {
	case s.Start < 0:
		return fmt.Sprintf("bytes=%d", s.Start)
	case d.opt.Ranges == nil && s.Start == 0 && (d.total < 0 || s.End == d.total):
		return ""
	case s.End == math.MaxInt64 || s.End == d.total:
		return fmt.Sprintf("bytes=%d-", s.Start)
	}
	return fmt.Sprintf("bytes=%d-%d", s.Start, s.End-1)
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
