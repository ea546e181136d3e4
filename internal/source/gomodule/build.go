package gomodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// offline is the error for modules that would have to be downloaded.
func (s *Source) offline(what string) error { return &fetch.OfflineError{URL: what} }

// toolchain returns the toolchain that an item is built with.
func (s *Source) toolchain(ctx context.Context, item release.Item) (Toolchain, func(), error) {
	v, ok := strings.CutPrefix(item.With, "go@")
	if !ok {
		return Toolchain{}, nil, fmt.Errorf("it is to be built with %q, want go@VERSION", item.With)
	}
	t, done, err := s.config.Exactly(ctx, v)
	if err == nil && t.Version != v {
		done()
		err = fmt.Errorf("it is to be built with go@%s, not go@%s", v, t.Version)
	}
	return t, done, err
}

// Fetch downloads the modules that an item is made of on its platform, into the directory fetch.PartDir(part), which
// it returns. Modules that an earlier call left there are not downloaded again.
//
// The checksum database is asked for each of them, and the digests of what was downloaded are compared with the item's: any
// difference is a *digest.MismatchError, a *DatabaseError or an *UnloggedError.
func (s *Source) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	w := work(fetch.PartDir(part))
	if err := s.fetch(ctx, item, w, progress); err != nil {
		return "", fmt.Errorf("downloading the modules of %q: %w", item.Archive.From, err)
	}
	return string(w), nil
}

func (s *Source) fetch(ctx context.Context, item release.Item, w work, progress func(done, total int64)) error {
	m, err := split(item)
	if err != nil {
		return err
	}
	t, done, err := s.toolchain(ctx, item)
	if err != nil {
		return err
	}
	defer done()
	d, err := s.newDownload(ctx, w, t, item.Flags)
	if err != nil {
		return err
	}
	if err := d.require(m); err != nil {
		return err
	}
	stop := w.watch(item.Archive.Size, progress)
	err = d.load(ctx, m, item.Platform)
	stop()
	if err != nil {
		var failed *CommandError
		var unlogged *UnloggedError
		if s.config.Offline && (errors.As(err, &failed) || errors.As(err, &unlogged)) {
			return s.offline(item.Archive.From)
		}
		return err
	}
	sums, err := d.sums()
	if err != nil {
		return err
	}
	return w.publish(sums, item.Parts)
}

// Unpack builds what Fetch returned, and gives the program to the sink as bin/NAME. It needs no network. A program that does not consist of the
// item's modules, or that is not the one of the item's tree digest, is a *BuildError.
func (s *Source) Unpack(ctx context.Context, item release.Item, dir string, sink archive.Sink, progress func(n int64)) error {
	file, err := s.build(ctx, item, work(dir))
	if err == nil {
		err = deliver(item, file, sink, progress)
	}
	if err != nil {
		return fmt.Errorf("building %q: %w", item.Archive.From, err)
	}
	return nil
}

// build runs go install and returns the program that it made.
func (s *Source) build(ctx context.Context, item release.Item, w work) (string, error) {
	m, err := split(item)
	if err != nil {
		return "", err
	}
	t, done, err := s.toolchain(ctx, item)
	if err != nil {
		return "", err
	}
	defer done()
	if err := w.prepare(); err != nil {
		return "", err
	}
	for _, dir := range []string{modulesDir, filepath.Join(pathDir, "bin")} {
		if err := os.RemoveAll(w.path(dir)); err != nil {
			return "", err
		}
	}
	env := append(w.environ(t, item.Platform), "GOMODCACHE="+w.path(modulesDir), "GOPROXY="+fileURL(w.path(proxyDir)), "GOSUMDB=off")
	if flags := cgo(item.Flags); flags != nil {
		env = append(append(env, flags...), "PATH="+filepath.Join(t.Dir, "bin")+string(filepath.ListSeparator)+lookup(s.config.Environ, "PATH"))
	}
	c := command{
		toolchain: t, dir: w.path(homeDir), env: env,
		args: []string{"install", "-trimpath", "-buildvcs=false", m.pkg + "@" + m.version},
	}
	if _, err := c.run(ctx); err != nil {
		return "", err
	}
	file, err := w.installed(m.pkg, item.Platform)
	if err != nil {
		return "", err
	}
	return file, checkProgram(item, m, file)
}

// installed returns the program that go install made: for another platform than the host it lies one directory deeper.
func (w work) installed(pkg string, p release.Platform) (string, error) {
	name := program(pkg)
	if p.OS == "windows" {
		name += ".exe"
	}
	file := w.path(pathDir, "bin", p.OS+"_"+p.Arch, name)
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		file = w.path(pathDir, "bin", name)
		_, err = os.Stat(file)
	}
	return file, err
}

// deliver compares the program with the item's tree digest, if it has one, and gives it to the sink.
func deliver(item release.Item, file string, sink archive.Sink, progress func(n int64)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	name := "bin/" + filepath.Base(file)
	if err := compareTree(item, name, f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := sink.Stream(name, true, f); err != nil {
		return err
	}
	if progress != nil {
		progress(info.Size())
	}
	return nil
}

// compareTree compares a program with the tree digest of an item. The store does that again; here the difference can still be described.
func compareTree(item release.Item, name string, f *os.File) error {
	if item.Archive.Tree.IsZero() {
		return nil
	}
	h := digest.NewHash()
	size, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	m, err := tree.New([]tree.Entry{{Path: "bin", Kind: tree.Dir}, {Path: name, Kind: tree.Exec, Content: h.Content(), Size: size}})
	if err != nil || m.Digest() == item.Archive.Tree {
		return err
	}
	mismatch := &digest.MismatchError{
		What: "the tree that " + item.Archive.From + " builds to", Want: item.Archive.Tree.String(), Got: m.Digest().String(),
	}
	return &BuildError{Err: mismatch, Lines: describe(item, name, size, f)}
}
