package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/trace"
	"slices"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/tree"
)

// Diagnosis is what is wrong with an object and with what the store says of it.
type Diagnosis struct {
	Object Object
	// Manifest says what the object has to be. It is zero where it is lost and the object cannot stand for it.
	Manifest tree.Manifest
	Faults   []tree.Fault

	NoManifest  bool     // the kept manifest is lost or damaged
	Description string   // what is wrong with the kept description, "" for nothing
	Unsealed    []string // paths of directories and files whose mode or time is not that of objects, "." for the object itself
}

// None reports whether there is none.
func (d Diagnosis) None() bool {
	return len(d.Faults) == 0 && !d.NoManifest && d.Description == "" && len(d.Unsealed) == 0
}

// Wanted returns the files without whose contents the object cannot be put right, in the order of their paths.
func (d Diagnosis) Wanted() []tree.Entry {
	var list []tree.Entry
	for _, f := range d.Faults {
		if e, ok := d.Manifest.Find(f.Path); ok && (e.Kind == tree.File || e.Kind == tree.Exec) {
			list = append(list, e)
		}
	}
	return list
}

// Examine hashes an object again as Verify does, and looks at its manifest, its description and its modes too. It
// changes nothing. What is not there is a *NotPresentError; damage is no error.
func (s *Store) Examine(ctx context.Context, t digest.Tree) (Diagnosis, error) {
	defer trace.StartRegion(ctx, "examine").End()
	lease, err := s.Lease(ctx, t)
	if errors.Is(err, fs.ErrPermission) {
		return s.closed(t)
	}
	if err != nil {
		return Diagnosis{}, err
	}
	defer lease.Release()
	d := Diagnosis{Object: lease.Object()}
	if d.Manifest, err = s.KeptManifest(t); err != nil {
		d.NoManifest = true
		if err := d.standIn(ctx, lease.Path()); err != nil || d.Manifest.Digest().IsZero() {
			return d, err
		}
	} else if d.Faults, err = tree.Audit(ctx, lease.Path(), d.Manifest, runtime.GOMAXPROCS(0)); err != nil {
		return d, fmt.Errorf("examining %s: %w", d.Object, err)
	}
	d.Description = s.misdescribed(d)
	d.Unsealed, err = unsealed(lease.Path())
	return d, err
}

// closed is Examine for an object whose directory cannot be opened.
func (s *Store) closed(t digest.Tree) (d Diagnosis, err error) {
	if d.Object, err = s.Lookup(t); err != nil {
		return d, err
	}
	d.Faults = []tree.Fault{{Path: ".", Problem: "cannot be opened: permission denied"}}
	d.Manifest, err = s.KeptManifest(t)
	d.NoManifest = err != nil
	return d, nil
}

// standIn takes the manifest from the object itself, which says whether it has its digest.
func (d *Diagnosis) standIn(ctx context.Context, dir string) error {
	m, err := tree.Scan(ctx, dir, runtime.GOMAXPROCS(0))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && m.Digest() == d.Object.Tree:
		d.Manifest = m
		return nil
	}
	problem := "is not what it was, and its manifest, which would say where it differs, is lost"
	d.Faults = []tree.Fault{{Path: ".", Problem: problem}}
	return nil
}

// misdescribed says what is wrong with an object's description as far as that can be told: nothing vouches for where an object came
// from.
func (s *Store) misdescribed(d Diagnosis) string {
	info, err := s.readInfo(d.Object.Tree)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is missing"
	case err != nil:
		return "cannot be understood"
	case info.Object != d.Object:
		return "is that of " + info.Object.String()
	case info.Files != len(d.Manifest.Entries()) || info.Size != d.Manifest.Size():
		return "states another size"
	}
	for _, t := range info.Refs {
		if !slices.Contains(s.linked(d), t) {
			return "refers to an object that it has no link to"
		}
	}
	return ""
}

// linked returns the objects that the links of an object lead into.
func (s *Store) linked(d Diagnosis) (list []digest.Tree) {
	dir := s.Path(d.Object)
	for _, e := range d.Manifest.Entries() {
		if e.Kind != tree.Link {
			continue
		}
		t, ok := s.sibling(filepath.Join(dir, filepath.FromSlash(path.Dir(e.Path)), e.Target))
		if ok && t != d.Object.Tree && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// unsealed returns the paths below dir whose mode or time is not that of a sealed object: what a repair that was killed leaves of the
// directories it worked in. What cannot be read has been reported as a fault.
func unsealed(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		fi, err := e.Info()
		if err != nil {
			return nil
		}
		perm := fi.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
		right := perm == 0o555 || perm == 0o444 && !fi.IsDir()
		if right && fi.ModTime().Equal(sealTime) {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		list = append(list, filepath.ToSlash(rel))
		return err
	})
	return list, err
}

// Copies returns the paths at which a store may hold each of the wanted contents: in files/, in objects, in what imports and
// repairs that were interrupted left. Whether a file there is what it should be is not looked at. By object, it also
// says which objects have a wanted content.
func (s *Store) Copies(ctx context.Context, want map[digest.Content]bool) (map[digest.Content][]string, map[Object][]tree.Entry, error) {
	found := map[digest.Content][]string{}
	holders := map[Object][]tree.Entry{}
	spools, err := filepath.Glob(filepath.Join(globSafe(s.path(downloadsDir)), "*"+partDir(partSuffix)))
	if err != nil {
		return nil, nil, err
	}
	for c := range want {
		for _, kind := range []tree.Kind{tree.File, tree.Exec} {
			name := sharedName(tree.Entry{Kind: kind, Content: c})
			for _, dir := range append([]string{s.path(filesDir)}, spools...) {
				found[c] = append(found[c], filepath.Join(dir, name))
			}
		}
	}
	objects, err := s.Objects()
	if err != nil {
		return nil, nil, err
	}
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		m, err := s.KeptManifest(o.Tree)
		if err != nil {
			continue // lost, or the object was collected meanwhile
		}
		for _, e := range m.Entries() {
			if (e.Kind == tree.File || e.Kind == tree.Exec) && want[e.Content] {
				found[e.Content] = append(found[e.Content], filepath.Join(s.Path(o), filepath.FromSlash(e.Path)))
				holders[o] = append(holders[o], e)
			}
		}
	}
	return found, holders, nil
}

// globSafe quotes what means something to filepath.Glob.
func globSafe(dir string) string {
	var b []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			b = append(b, '\\')
		}
		b = append(b, r)
	}
	return string(b)
}

// Sharing returns the objects of holders that have a damaged file of d under the same inode: they are damaged as well.
func (s *Store) Sharing(d Diagnosis, holders map[Object][]tree.Entry) (list []Object) {
	bad := map[digest.Content][]fs.FileInfo{}
	for _, e := range d.Wanted() {
		if fi, err := os.Lstat(s.entryPath(d.Object, e)); err == nil {
			bad[e.Content] = append(bad[e.Content], fi)
		}
	}
	for o, entries := range holders {
		same := func(e tree.Entry) bool {
			fi, err := os.Lstat(s.entryPath(o, e))
			return err == nil && slices.ContainsFunc(bad[e.Content], func(b fs.FileInfo) bool { return os.SameFile(fi, b) })
		}
		if o != d.Object && slices.ContainsFunc(entries, same) {
			list = append(list, o)
		}
	}
	return list
}

func (s *Store) entryPath(o Object, e tree.Entry) string {
	return filepath.Join(s.Path(o), filepath.FromSlash(e.Path))
}

// RepairSpool opens the spool of the store's one repair at a time, without waiting: filelock.ErrBusy says that there is another. What a
// repair that was killed had found is in it. done gives it up; with finished, what it holds is of no more use.
func (s *Store) RepairSpool() (sp *Spool, done func(finished bool) error, err error) {
	name := s.path(downloadsDir, digest.SHA256([]byte("gostore repair")).FileName()+partSuffix)
	lock, err := filelock.TryLock(name)
	if err != nil {
		return nil, nil, err
	}
	part := &Part{name, lock}
	if sp, err = s.Spool(part); err != nil {
		return nil, nil, errors.Join(err, part.Release())
	}
	return sp, func(finished bool) error {
		err := sp.Close()
		if finished {
			return errors.Join(err, part.Done())
		}
		return errors.Join(err, part.Release())
	}, nil
}
