package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
)

// Options says how Unpack treats an archive. The zero value unpacks any archive and compares no digest.
type Options struct {
	Want    digest.Archive // the sha256 or sha512 that the archive has to have; zero means that none is known
	Limits  Limits
	KeepTop bool // keep a single directory that holds everything
}

// Unpack reads an archive of size bytes and writes its tree to sink, several files at once. The format is told
// by content, never by name: zip, tar, tar compressed by gzip, xz, zstd or bzip2, and a program (ELF,
// Mach-O, PE or "#!"), plain or compressed by one of these.
//
// The tree is a function of the archive's bytes and of KeepTop alone:
//   - A single directory that holds everything at the top is left out, one level only, unless KeepTop.
//   - A program becomes the executable file "program".
//   - A file is executable if it has any execute bit; in a zip that states no Unix mode for it, if
//     it begins like a program.
//   - A hard link becomes a file of equal content. A symbolic link has to lead to something in the archive.
//
// Want is compared while the archive is unpacked, so its *digest.MismatchError may come when sink has got everything. An
// archive that is refused, with a *FormatError, and does not have the wanted digest either, gives the
// *digest.MismatchError, which says more. An archive whose digest is known may be a zip with a comment or with bytes before it.
//
// progress, unless nil, is told the bytes of content that sink has taken; it is called from several goroutines at
// once. When ctx ends, its error is returned.
//
// Memory is bounded whatever the archive is: 24 MiB of contents on their way, 10 MiB read ahead, the window of the
// compression (at most 128 MiB), and the names. An xz with several blocks leaves a window behind for each, so a
// program that is to stay below 250 MB for any archive sets a limit by debug.SetMemoryLimit, as cmd/gostore does.
func Unpack(ctx context.Context, r io.ReaderAt, size int64, opt Options, sink Sink, progress func(n int64)) error {
	if a := opt.Want.Algorithm(); a != "" && a != "sha256" && a != "sha512" {
		return fmt.Errorf("unpacking an archive: cannot compare it with a digest of type %q", a)
	}
	if progress == nil {
		progress = func(int64) {}
	}
	u := &unpacking{r: r, size: size, opt: opt, sink: sink, progress: progress}
	u.opt.Limits = opt.Limits.withDefaults()
	err := u.run(ctx)
	var refused *FormatError
	if errors.As(err, &refused) && !opt.Want.IsZero() {
		if wrong := u.compare(ctx); wrong != nil {
			return wrong
		}
	}
	return err
}

// unpacking is one call of Unpack.
type unpacking struct {
	r        io.ReaderAt
	size     int64
	opt      Options // with default limits
	sink     Sink
	progress func(n int64)
}

func (u *unpacking) run(ctx context.Context) error {
	f, err := detect(u.r, u.size)
	if err != nil {
		return err
	}
	if f.packing == nil && f.kind == zipFile {
		group, ctx := errgroup.WithContext(ctx)
		if !u.opt.Want.IsZero() {
			group.Go(func() error { return u.compare(ctx) })
		}
		group.Go(func() error { return u.zip(ctx) })
		return group.Wait()
	}
	return u.stream(ctx, f)
}

// compare reads the whole archive and compares it with the digest that it has to have.
func (u *unpacking) compare(ctx context.Context) error {
	got, err := Digest(ctx, io.NewSectionReader(u.r, 0, u.size), u.opt.Want.Algorithm())
	if err != nil {
		return err
	}
	return u.match(got)
}

func (u *unpacking) match(got digest.Archive) error {
	if got != u.opt.Want {
		return &digest.MismatchError{What: "the archive", Want: u.opt.Want.String(), Got: got.String()}
	}
	return nil
}
