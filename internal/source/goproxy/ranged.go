package goproxy

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"gostore/internal/archive"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

const (
	// firstTail is asked for to learn where a zip's directory is. It holds all of a small zip's; that of a Go toolchain
	// has 1.4 MB, so that little of this was of no use.
	firstTail = 64 << 10

	// worthIt is the part of a zip that has to be here, one in so many bytes, for it to be fetched by ranges.
	worthIt = 8
)

// trees returns the toolchains that are here, and what holds them. Without any, release may be called nevertheless.
func (s *Source) trees(ctx context.Context) (trees []Tree, release func()) {
	if s.local == nil {
		return nil, func() {}
	}
	trees, release, err := s.local(ctx)
	if err != nil { // without them everything is fetched, which is no error
		return nil, func() {}
	}
	return trees, release
}

// download brings the zip at url into part: only what no tree on this machine has, where that is possible and saves enough, else
// all of it. With whole it is all of it in any case.
func (s *Source) download(ctx context.Context, url, part string, item release.Item, whole bool, opt fetch.Options) error {
	if !whole {
		if done, err := s.assemble(ctx, url, part, item, opt); done || err != nil {
			return err
		}
	}
	return s.client.Download(ctx, url, part, opt)
}

// anew reports whether Unpack found a part wrong, and empties it then: nobody knows whether its bytes or those on this machine
// are to blame.
func (s *Source) anew(part string) (bool, error) {
	if _, wrong := s.distrusted.LoadAndDelete(part); !wrong {
		return false, nil
	}
	return true, os.Truncate(part, 0)
}

// assemble is download by ranges. It reports false when that cannot be done, or is not worth it. What part then has
// is of use to a download of everything.
func (s *Source) assemble(ctx context.Context, url, part string, item release.Item, opt fetch.Options) (done bool, err error) {
	trees, release := s.trees(ctx)
	defer release()
	if len(trees) == 0 {
		return false, nil
	}
	wanted, err := s.lacking(ctx, url, part, item, opt, trees)
	if err == nil && wanted != nil {
		opt.Ranges = wanted
		err = s.client.Download(ctx, url, part, opt)
		done = err == nil
	}
	if err != nil && !wholeMayHelp(ctx, err) {
		return false, err
	}
	return done, nil
}

// wholeMayHelp reports whether fetching everything may succeed after an error in fetching ranges.
func wholeMayHelp(ctx context.Context, err error) bool {
	var (
		local   *fs.PathError
		network *fetch.Error
		status  *fetch.StatusError
	)
	switch {
	case ctx.Err() != nil, errors.As(err, &local), errors.Is(err, fetch.ErrTooLarge), errors.Is(err, fs.ErrNotExist):
		return false
	case errors.Is(err, fetch.ErrNoRanges), errors.Is(err, fetch.ErrChanged):
		return true
	}
	// A directory that makes no sense may be another one in the whole; a server was asked often enough.
	return !errors.As(err, &network) && !errors.As(err, &status)
}

// lacking reads a zip's directory and returns which bytes of the zip are needed, nil when they are too many to be fetched
// one by one.
func (s *Source) lacking(ctx context.Context, url, part string, item release.Item, opt fetch.Options, trees []Tree) ([]fetch.Range, error) {
	opt.Progress = nil // it is told about the bytes that everything depends on
	opt.Ranges = []fetch.Range{{Start: -firstTail}}
	if err := s.client.Download(ctx, url, part, opt); err != nil {
		return nil, err
	}
	f, err := os.Open(part)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	held, total, ok := fetch.Held(part)
	if !ok || total < archive.DirectoryTail || holds(held, 0, total) {
		return nil, nil
	}
	start, err := archive.DirectoryStart(f, total, archive.Limits{})
	if err != nil {
		return nil, err
	}
	opt.Ranges = []fetch.Range{{Start: start, End: total}}
	if err := s.client.Download(ctx, url, part, opt); err != nil {
		return nil, err
	}
	entries, err := archive.ReadDirectory(ctx, f, total, archive.Limits{})
	if err != nil {
		return nil, err
	}
	here, err := s.locals(item, trees).known(ctx, entries)
	if err != nil {
		return nil, err
	}
	return worthwhile(entries, here, held, fetch.Range{Start: start, End: total}), nil
}

// worthwhile returns what is to be fetched of a zip, nil when too little of it is here. What is in the part already counts for neither side.
func worthwhile(entries []archive.Entry, here []bool, held []fetch.Range, directory fetch.Range) []fetch.Range {
	ranges := []fetch.Range{directory}
	var saved int64
	for i, e := range entries {
		switch {
		case holds(held, e.Offset, e.End):
		case here[i]:
			saved += e.End - e.Offset
		default:
			ranges = append(ranges, fetch.Range{Start: e.Offset, End: e.End})
		}
	}
	if saved*worthIt < directory.End {
		return nil
	}
	return ranges
}

// holds reports whether held, in ascending order, has all bytes from start to before end.
func holds(held []fetch.Range, start, end int64) bool {
	for _, r := range held {
		if r.Start <= start && end <= r.End {
			return true
		}
	}
	return false
}

func (s *Source) locals(item release.Item, trees []Tree) *locals {
	return newLocals(moduleZip(item.Version, item.Platform), item.Version, item.Platform, trees, &s.sums)
}

// unpackAssembled is Unpack for a zip that lacks what trees on this machine have. ok is false when it lacks nothing.
func (s *Source) unpackAssembled(ctx context.Context, m archive.ModuleZip, item release.Item, file string, sink archive.Sink, progress func(n int64)) (ok bool, err error) {
	held, total, ok := fetch.Held(file)
	if s.local == nil || !ok || total < 0 || holds(held, 0, total) {
		return false, nil
	}
	trees, release := s.trees(ctx)
	defer release()
	l := s.locals(item, trees)
	m.Elsewhere = func(e archive.Entry) func() (io.ReadCloser, error) {
		if holds(held, e.Offset, e.End) {
			return nil
		}
		return func() (io.ReadCloser, error) {
			name := l.find(ctx, e)
			if name == "" {
				return nil, fs.ErrNotExist
			}
			return os.Open(name)
		}
	}
	err = withZip(file, func(f *os.File, _ int64) error { return m.Unpack(ctx, f, total, sink, progress) })
	if assembly := (*archive.AssemblyError)(nil); errors.As(err, &assembly) {
		s.distrusted.Store(file, true)
	}
	return true, err
}
