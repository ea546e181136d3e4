package npm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

const (
	// tarballLimit bounds a download, whose size no registry states. The largest programs on npm have 150 MB.
	tarballLimit = 1 << 30

	// downloads is how many tarballs of one tool are fetched at once: most are small, and what counts is the way
	// to the registry and back.
	downloads = 4
)

// tarball is a package to download and to unpack.
type tarball struct {
	pkg, version string
	digest       digest.Archive
	place        string // below lib, "" for the top of the tree
}

// String returns NAME@VERSION.
func (t tarball) String() string { return t.pkg + "@" + t.version }

// tarballs returns what an item is made of, those above before those in their node_modules. The item's own archive is at the
// top of the tree unless it is one of the parts.
func tarballs(item release.Item) ([]tarball, error) {
	pkg, version, err := parsePackage(item.Archive.From)
	if err != nil {
		return nil, err
	}
	if item.Archive.Digest.Algorithm() != "sha512" {
		return nil, fmt.Errorf("package %q: digest %q: want sha512-…", item.Archive.From, item.Archive.Digest)
	}
	main := tarball{pkg, version, item.Archive.Digest, ""}
	list, atTop := []tarball{}, true
	places := map[string]bool{}
	for _, r := range item.Parts {
		p, err := parsePart(r)
		if err != nil {
			return nil, err
		}
		if places[p.place] {
			return nil, fmt.Errorf("part %q: another part has the same place", r.Name)
		}
		places[p.place] = true
		if !p.admit(item.Platform) {
			continue
		}
		t := tarball{p.pkg, p.version, p.digest, p.place}
		if t.String() == main.String() {
			if t.digest != main.digest {
				return nil, fmt.Errorf("part %q: has another digest than the archive %q", r.Name, item.Archive.From)
			}
			atTop = false
		}
		list = append(list, t)
	}
	if atTop {
		list = append(list, main)
	}
	slices.SortFunc(list, func(a, b tarball) int { return strings.Compare(a.place, b.place) })
	return list, nil
}

// Fetch downloads an item's tarballs, several at once: into part if there is only one, else each into a file of fetch.PartDir(part) that
// is named after its digest. It returns the file or the directory. What is there already is not requested again. Nothing is
// checked here: Unpack does.
func (s *Source) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	list, err := tarballs(item)
	if err != nil {
		return "", err
	}
	if len(list) == 1 {
		return part, s.download(ctx, list[0], part, progress)
	}
	return s.fetchAll(ctx, list, part, progress)
}

// fetchAll downloads tarballs into a directory, and returns that.
func (s *Source) fetchAll(ctx context.Context, list []tarball, part string, progress func(done, total int64)) (string, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	dir := fetch.PartDir(part)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	slices.SortFunc(list, func(a, b tarball) int { return strings.Compare(a.digest.String(), b.digest.String()) })
	list = slices.CompactFunc(list, func(a, b tarball) bool { return a.digest == b.digest })
	total := &sum{report: progress, sizes: make([][2]int64, len(list))}
	for i := range total.sizes {
		total.sizes[i][1] = -1
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(downloads)
	for i, t := range list {
		g.Go(func() error {
			return s.download(ctx, t, filepath.Join(dir, t.digest.FileName()), func(done, size int64) { total.set(i, done, size) })
		})
	}
	return dir, g.Wait()
}

// download brings one tarball from where registries have it, or else from where this one says that it is.
func (s *Source) download(ctx context.Context, t tarball, file string, progress func(done, total int64)) error {
	base, err := s.registry.base(t.pkg)
	if err != nil {
		return err
	}
	opt := fetch.Options{MaxSize: tarballLimit, Progress: progress}
	usual := tarballURL(base, t.pkg, t.version)
	err = s.client.Download(ctx, usual, file, opt)
	if errors.Is(err, fs.ErrNotExist) {
		stated, statedErr := s.statedURL(ctx, t.pkg, t.version)
		if statedErr == nil && stated != usual {
			err = s.client.Download(ctx, stated, file, opt)
		} else if statedErr != nil {
			err = errors.Join(err, statedErr)
		}
	}
	if err != nil {
		return fmt.Errorf("downloading package %s: %w", t, err)
	}
	return nil
}

// sum adds up the progress of several downloads.
type sum struct {
	report func(done, total int64)
	mu     sync.Mutex
	sizes  [][2]int64 // done and total of each; a total is negative when it is not known
}

func (s *sum) set(i int, done, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes[i] = [2]int64{done, size}
	var all, total int64
	for _, one := range s.sizes {
		all += one[0]
		if one[1] < 0 || total < 0 {
			total = -1
		} else {
			total += one[1]
		}
	}
	s.report(all, total)
}

// Unpack makes the item's tree of what Fetch returned. A tarball whose digest is wrong is a *digest.MismatchError in an error that
// names the package; sink must then be discarded, because that is known at the end only.
func (s *Source) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	list, err := tarballs(item)
	if err != nil {
		return err
	}
	for _, t := range list {
		file := path
		if len(list) > 1 {
			file = filepath.Join(path, t.digest.FileName())
		}
		if err := t.unpack(ctx, file, sink, progress); err != nil {
			return fmt.Errorf("unpacking package %s: %w", t, err)
		}
	}
	if i := slices.IndexFunc(list, func(t tarball) bool { return t.place == npmPlace }); i >= 0 && list[0].place == "" {
		for name, script := range npmCommands {
			if err := sink.Link("bin/"+name, "../"+libDir+"/"+npmPlace+"/"+script); err != nil {
				return err
			}
		}
	}
	return nil
}

// Doubt is told that some of what was downloaded for an item is wrong. It reports whether the registry itself may serve something else than
// the mirrors did.
func (s *Source) Doubt(item release.Item) bool {
	list, err := tarballs(item)
	if err != nil {
		return false
	}
	again := false
	for _, t := range list {
		if base, err := s.registry.base(t.pkg); err == nil {
			again = s.client.Distrust(tarballURL(base, t.pkg, t.version)) || again
		}
	}
	return again
}

// unpack puts the tarball where it belongs.
func (t tarball) unpack(ctx context.Context, file string, sink archive.Sink, progress func(n int64)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if t.place != "" {
		var exec func(string) bool
		if t.place == npmPlace {
			exec = isNPMCommand
		}
		sink = archive.Subtree(sink, libDir+"/"+t.place, exec)
	}
	return archive.Unpack(ctx, f, info.Size(), archive.Options{Want: t.digest}, sink, progress)
}

// isNPMCommand reports whether a file of package npm is a command. The packages of its newer versions do not say so.
func isNPMCommand(path string) bool {
	for _, script := range npmCommands {
		if path == script {
			return true
		}
	}
	return false
}
