package repair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/store"
)

// offlineError says that a place would have to be asked over the network.
type offlineError struct{ from string }

func (e *offlineError) Error() string { return fmt.Sprintf("%s: not asked, offline", e.from) }

// Unwrap makes it a *fetch.OfflineError, for hints.
func (e *offlineError) Unwrap() error { return &fetch.OfflineError{URL: e.from} }

// archived returns what can be had of an object's archive, and for which entries.
func (r *Repairer) archived(ctx context.Context, o Origin, object store.Object, lacking []tree.Entry) (Supply, func(tree.Entry) bool, error) {
	if c, ok := o.Source.(Chooser); ok {
		return r.chosen(c, o, object, lacking)
	}
	ranger, ranged := o.Source.(Ranger)
	if !ranged || !isZip(o.Item) {
		return r.entire(o, object, lacking)
	}
	if r.Offline && !isLocal(o.Item) && o.Item.Source != proxySource {
		return Supply{}, nil, &offlineError{from(o.Item)}
	}
	z := &zipped{Repairer: r, origin: o, ranger: ranger, object: object}
	err := z.list(ctx)
	if err == nil {
		return z.supply(lacking)
	}
	var format *archive.FormatError
	if errors.Is(err, fetch.ErrNoRanges) || errors.Is(err, fetch.ErrChanged) || errors.As(err, &format) {
		return r.entire(o, object, lacking) // a server without ranges, or a zip of a kind that only Unpack reads
	}
	return Supply{}, nil, err
}

// proxySource is the source whose items are zips without saying so. Whether its proxies are on this machine, it knows alone.
const proxySource = "goproxy"

// isZip reports whether an item's archive is a zip.
func isZip(item release.Item) bool {
	if item.With != "" || len(item.Parts) > 0 {
		return false
	}
	path := item.Archive.From
	if u, err := url.Parse(path); err == nil {
		path = u.Path
	}
	return item.Source == proxySource || strings.HasSuffix(strings.ToLower(path), ".zip")
}

// isLocal reports whether an item's archive is on this machine in any case.
func isLocal(item release.Item) bool {
	_, local := fetch.Local(item.Archive.From)
	return local || item.Source == "path"
}

func from(item release.Item) string { return fetch.Redact(item.Archive.From) }

// chosen is for items of many archives: those that hold what is lacking.
func (r *Repairer) chosen(c Chooser, o Origin, object store.Object, lacking []tree.Entry) (Supply, func(tree.Entry) bool, error) {
	if r.Offline {
		return Supply{}, nil, &offlineError{from(o.Item)}
	}
	want := paths(lacking)
	names, err := c.Holding(o.Item, want)
	if err != nil {
		return Supply{}, nil, err
	}
	s := Supply{From: strings.Join(names, ", "), Bytes: -1}
	s.bring = doubted(o, func(ctx context.Context, g give) error {
		return r.withPart(ctx, o.Item, func(part string) error {
			path, err := c.FetchOnly(ctx, o.Item, want, part, r.progress(object))
			if err != nil {
				return err
			}
			return c.UnpackOnly(ctx, o.Item, want, path, newPicker(lacking, g), func(int64) {})
		})
	})
	return s, func(tree.Entry) bool { return len(names) > 0 }, nil
}

// entire is for what can only be read from its beginning to its end.
func (r *Repairer) entire(o Origin, object store.Object, lacking []tree.Entry) (Supply, func(tree.Entry) bool, error) {
	s := Supply{From: from(o.Item), Bytes: -1, Whole: true}
	switch {
	case isLocal(o.Item):
		s.Bytes = 0
	case r.Offline:
		return s, nil, &offlineError{s.From}
	case o.Item.Archive.Size > 0 && len(o.Item.Parts) == 0:
		s.Bytes = o.Item.Archive.Size
	}
	s.bring = doubted(o, func(ctx context.Context, g give) error {
		return r.unpack(ctx, o, object, newPicker(lacking, g))
	})
	return s, func(tree.Entry) bool { return true }, nil
}

// unpack fetches all of an item and unpacks it. What a source put together from what is here, and not rightly, it gets whole the second
// time.
func (r *Repairer) unpack(ctx context.Context, o Origin, object store.Object, sink archive.Sink) error {
	return r.withPart(ctx, o.Item, func(part string) error {
		once := func() error {
			path, err := o.Source.Fetch(ctx, o.Item, part, r.progress(object))
			if err != nil {
				return err
			}
			return o.Source.Unpack(ctx, o.Item, path, sink, func(int64) {})
		}
		err := once()
		if assembly := (*archive.AssemblyError)(nil); errors.As(err, &assembly) {
			err = once()
		}
		return err
	})
}

// Doubter is a Source that may have brought wrong bytes from a mirror, as install.Doubter is.
type Doubter interface{ Doubt(item release.Item) bool }

// doubted repeats what brought wrong bytes where upstream itself may have others than a mirror.
func doubted(o Origin, bring func(context.Context, give) error) func(context.Context, give) error {
	return func(ctx context.Context, g give) error {
		err := bring(ctx, g)
		if d, ok := o.Source.(Doubter); ok && err != nil && isDefinite(err) && !errors.Is(err, fs.ErrNotExist) && d.Doubt(o.Item) {
			return bring(ctx, g)
		}
		return err
	}
}

// withPart calls do with an item's partial download, which goes when it was of use, or holds nothing.
func (r *Repairer) withPart(ctx context.Context, item release.Item, do func(part string) error) error {
	part, err := r.Store.Part(ctx, partKey(item))
	if err != nil {
		return err
	}
	err = do(part.Path())
	if err != nil && !isDefinite(err) && !part.Empty() {
		return errors.Join(err, part.Release())
	}
	return errors.Join(err, part.Done())
}

// partKey names the partial download of an item, also of one whose digest nobody knows.
func partKey(item release.Item) digest.Archive {
	if item.Archive.Digest.IsZero() {
		return digest.SHA256([]byte("gostore repair from " + item.Archive.From))
	}
	return item.Key()
}

// progress returns the callback for one object.
func (r *Repairer) progress(o store.Object) func(done, total int64) {
	return func(done, total int64) {
		if r.Progress != nil {
			r.Progress(o, done, total)
		}
	}
}

// zipped reads single members of an item's zip.
type zipped struct {
	*Repairer
	origin  Origin
	ranger  Ranger
	object  store.Object
	entries []archive.Entry
	total   int64
	start   int64 // of the list of members
	part    string
	remote  bool
	listed  int64 // bytes that it took to learn that
}

// firstTail is asked for first. It holds all of a small zip's list of members.
const firstTail = 64 << 10

// list reads which members there are. What was read stays in the partial download.
func (z *zipped) list(ctx context.Context) error {
	part, err := z.Store.Part(ctx, partKey(z.origin.Item))
	if err != nil {
		return err
	}
	z.part = part.Path()
	before := heldBytes(z.part)
	err = z.read(ctx)
	z.listed = heldBytes(z.part) - before
	if part.Empty() {
		return errors.Join(err, part.Done())
	}
	return errors.Join(err, part.Release())
}

// heldBytes is how much a partial download has.
func heldBytes(part string) (n int64) {
	held, _, _ := fetch.Held(part)
	for _, r := range held {
		n += r.End - r.Start
	}
	return n
}

func (z *zipped) read(ctx context.Context) error {
	f, err := z.open(ctx, []fetch.Range{{Start: -firstTail}})
	if err != nil {
		return err
	}
	defer f.Close()
	z.start, err = archive.DirectoryStart(f, z.total, archive.Limits{})
	if err != nil {
		return err
	}
	if z.remote {
		if _, _, err := z.ranger.Ranges(ctx, z.origin.Item, z.part, []fetch.Range{{Start: z.start, End: z.total}}, nil); err != nil {
			return err
		}
	}
	z.entries, err = archive.ListZip(ctx, f, z.total, archive.Limits{})
	return err
}

// open has ranges of the zip brought, and opens the file that has them.
func (z *zipped) open(ctx context.Context, ranges []fetch.Range) (*os.File, error) {
	name, total, err := z.ranger.Ranges(ctx, z.origin.Item, z.part, ranges, z.progress(z.object))
	if err != nil {
		return nil, err
	}
	z.total, z.remote = total, name == z.part
	return os.Open(name)
}

// matches returns the members that may have the content of e: of its size and its name, whatever stands before that. Module zips call
// go.mod files _go.mod.
func (z *zipped) matches(e tree.Entry) (found []archive.Entry) {
	for _, m := range z.entries {
		name := strings.TrimSuffix(m.Name, "_go.mod")
		if len(name) < len(m.Name) {
			name += "go.mod"
		}
		if m.Size == e.Size && (name == e.Path || strings.HasSuffix(name, "/"+e.Path)) {
			found = append(found, m)
		}
	}
	return found
}

// supply returns what the zip has.
func (z *zipped) supply(lacking []tree.Entry) (Supply, func(tree.Entry) bool, error) {
	wanted := map[string]tree.Entry{} // by the name of a member
	here := map[string]bool{}
	ranges := []fetch.Range{{Start: z.start, End: z.total}}
	for _, e := range lacking {
		for _, m := range z.matches(e) {
			wanted[m.Name], here[e.Path] = e, true
			ranges = append(ranges, fetch.Range{Start: m.Offset, End: m.End})
		}
	}
	has := func(e tree.Entry) bool { return here[e.Path] }
	if len(wanted) == 0 {
		return Supply{}, nil, fmt.Errorf("%s: nothing of what is damaged is in it: %w", from(z.origin.Item), fs.ErrNotExist)
	}
	s := Supply{From: from(z.origin.Item)}
	if z.remote {
		s.Bytes = z.listed + fetch.Missing(z.part, ranges)
	}
	s.bring = doubted(z.origin, func(ctx context.Context, g give) error {
		return z.withPart(ctx, z.origin.Item, func(string) error { return z.pick(ctx, ranges, wanted, g) })
	})
	return s, has, nil
}

func (z *zipped) pick(ctx context.Context, ranges []fetch.Range, wanted map[string]tree.Entry, g give) error {
	f, err := z.open(ctx, ranges)
	if err != nil {
		return err
	}
	defer f.Close()
	var wrong error // the others are still of use
	err = archive.PickZip(ctx, f, z.total, archive.Limits{},
		func(m archive.Entry) bool { _, ok := wanted[m.Name]; return ok },
		func(m archive.Entry, r io.Reader) error {
			err := g(wanted[m.Name], r)
			if tolerate(err) == nil && err != nil {
				wrong = fmt.Errorf("%s: %w", from(z.origin.Item), err)
				return nil
			}
			return err
		})
	return errors.Join(err, wrong)
}
