package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Slices is how many slices a store has. A slice is what has a digest with a certain first byte: contents of files/, and objects. So a
// slice's number follows from a digest alone, and all slices together are the store, whatever comes or goes in between.
const Slices = 256

// Damage is something of a store that is not what was written to it.
type Damage struct {
	Kind    string      `json:"kind"`    // "object", "content", "manifest", …
	Path    string      `json:"path"`    // of the damaged thing, absolute
	Problem string      `json:"problem"` // to follow the path: "is missing"
	Tree    digest.Tree `json:"-"`       // of the object that it belongs to; zero where there is none
}

// Kinds of damage that this package finds.
const (
	ObjectDamage      = "object"      // a file of an object
	ContentDamage     = "content"     // a shared content in files/
	ManifestDamage    = "manifest"    // meta/<hex>.manifest
	DescriptionDamage = "description" // meta/<hex>.json
	IndexDamage       = "index"       // an entry of the index
	LinkDamage        = "link"        // a link at an object's name that leads to no object of a layer
	NameDamage        = "name"        // what has a name that nothing in its place can have, and the file format
)

// SliceReport says what a Scrubber looked at and found.
type SliceReport struct {
	Objects  []Object // in the order of their digests; those that were collected meanwhile are left out
	Contents int      // shared ones
	Damage   []Damage
	Layers   []LayerFault // links to objects of layers that cannot be used; they are not among Objects
}

// LayerFault says why an object of a layer cannot be used.
type LayerFault struct {
	Object Object
	Err    error // a *LayerError
}

// Scrubber verifies a store slice by slice, by one goroutine at a time.
type Scrubber struct {
	store   *Store
	auditor tree.Auditor
	objects []Object  // in the order of their digests
	changed time.Time // the directory of objects, as they were listed
	listed  time.Time
}

// Scrubber returns one that reads as a says.
func (s *Store) Scrubber(a tree.Auditor) *Scrubber { return &Scrubber{store: s, auditor: a} }

// Slice verifies a slice of the store: the contents of files/ that belong to it are read and compared with their names. Of its
// objects everything is compared with their manifests, and those files are read that are no links of a content in files/ under the right
// name. A whole store, slice by slice, is therefore read once and no more, and a rotten content is named in each
// object that has it.
//
// No lock is taken that anybody waits for, and no lease: what a collector takes away meanwhile counts as gone. A file that cannot be
// read is damage, and the others are read. The error is one of ctx, or of directories that cannot be listed.
func (c *Scrubber) Slice(ctx context.Context, slice byte) (SliceReport, error) {
	var r SliceReport
	if err := c.store.scrubContents(ctx, slice, c.auditor, &r); err != nil {
		return r, err
	}
	if err := c.list(); err != nil {
		return r, err
	}
	first, _ := slices.BinarySearchFunc(c.objects, slice, func(o Object, slice byte) int { return int(o.Tree[0]) - int(slice) })
	for _, o := range c.objects[first:] {
		if o.Tree[0] != slice {
			break
		}
		damage, err := c.store.scrub(ctx, o, c.auditor)
		var layer *LayerError
		switch {
		case errors.As(err, &layer):
			r.Layers = append(r.Layers, LayerFault{o, err})
			continue
		case errors.Is(err, fs.ErrNotExist):
			continue // collected meanwhile
		case err != nil:
			return r, err
		}
		r.Damage = append(r.Damage, damage...)
		if !slices.ContainsFunc(damage, func(d Damage) bool { return d.Kind == LinkDamage }) {
			r.Objects = append(r.Objects, o) // else there is none
		}
	}
	return r, nil
}

// steady is how long a directory must not have changed for its time to tell that it does not change: file systems count time in ticks.
const steady = time.Second

// list lists the objects again if there may be others than there were: 256 listings of a large store take longer than reading a small one.
func (c *Scrubber) list() error {
	fi, err := os.Stat(c.store.path(objectsDir))
	if err != nil {
		return err
	}
	if fi.ModTime().Equal(c.changed) && c.listed.Sub(c.changed) > steady {
		return nil
	}
	c.changed, c.listed = fi.ModTime(), time.Now()
	c.objects, err = c.store.Objects()
	return err
}

// ReadWithoutLease says to collectors that this process does not keep alive what it has open, until done is called: it is about to
// verify slices or objects, and takes for gone what goes away. Without it a collector would take its open files for use. Where the file that says so cannot be
// opened, that is what happens.
func (s *Store) ReadWithoutLease() (done func()) {
	_ = os.Mkdir(s.path(VerifiedDir), 0o755)
	f, err := os.OpenFile(s.path(VerifiedDir, ReadersName), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return func() {}
	}
	return func() { f.Close() }
}

// scrubContents reads the contents of a slice.
func (s *Store) scrubContents(ctx context.Context, slice byte, a tree.Auditor, r *SliceReport) error {
	shard := fmt.Sprintf("%02x", slice)
	dir := s.path(filesDir, shard)
	a.Known = nil
	entries, faults, err := a.List(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var bad []rotten
	for _, e := range entries {
		r.Contents++
		want, err := contentAt(shard + e.Path)
		switch problem := contentProblem(e, want); {
		case err != nil:
			r.Damage = append(r.Damage, Damage{Kind: NameDamage, Path: filepath.Join(dir, e.Path), Problem: err.Error()})
		case problem != "":
			bad = append(bad, rotten{want, filepath.Join(dir, e.Path), problem})
		}
	}
	for _, f := range faults {
		r.Contents++
		file := filepath.Join(dir, f.Path)
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			continue // collected meanwhile
		}
		want, _ := contentAt(shard + f.Path) // what has no such name is in no object
		bad = append(bad, rotten{want, file, f.Problem})
	}
	return s.blame(ctx, bad, r)
}

// rotten is a shared content that is not what its name says.
type rotten struct {
	want    tree.Entry // Kind and Content
	file    string     // its path in files/
	problem string
}

// contentAt reads the name of a shared content, as sharedName makes it, without the slash.
func contentAt(name string) (tree.Entry, error) {
	e := tree.Entry{Kind: tree.File}
	name, exec := strings.CutSuffix(name, "x")
	if exec {
		e.Kind = tree.Exec
	}
	var err error
	if e.Content, err = digest.ParseContent(name); err != nil {
		return e, errors.New("has a name that no shared content has")
	}
	return e, nil
}

// contentProblem says how a content is not what its name says, "" where it is.
func contentProblem(is, want tree.Entry) string {
	switch {
	case is.Kind != want.Kind:
		return fmt.Sprintf("is %v, should be %v", is.Kind, want.Kind)
	case is.Content != want.Content:
		return fmt.Sprintf("has other contents than its name says: BLAKE3 %s", is.Content.Hex())
	}
	return ""
}

// blame enters contents that are damaged, and each file of an object that is the same file.
func (s *Store) blame(ctx context.Context, bad []rotten, r *SliceReport) error {
	if len(bad) == 0 {
		return nil
	}
	objects, err := s.Objects()
	if err != nil {
		return err
	}
	for _, c := range bad {
		r.Damage = append(r.Damage, Damage{Kind: ContentDamage, Path: c.file, Problem: c.problem})
	}
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := s.KeptManifest(o.Tree)
		if err != nil {
			continue // the object's own slice says so, and reads its files
		}
		for _, e := range m.Entries() {
			i := slices.IndexFunc(bad, func(c rotten) bool { return c.want.Content == e.Content && c.want.Kind == e.Kind })
			file := filepath.Join(s.Path(o), filepath.FromSlash(e.Path))
			if i < 0 || e.Size < ShareSize || !sameFile(file, bad[i].file) {
				continue
			}
			r.Damage = append(r.Damage, Damage{ObjectDamage, file, strings.Replace(bad[i].problem, " than its name says", "", 1), o.Tree})
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	was, err := os.Lstat(a)
	is, err2 := os.Lstat(b)
	return err == nil && err2 == nil && os.SameFile(was, is)
}

// scrub verifies an object of the store's own, or one that a link to a layer leads to.
func (s *Store) scrub(ctx context.Context, o Object, a tree.Auditor) ([]Damage, error) {
	if s.becameLink(o) {
		return s.scrubLinked(ctx, o, a)
	}
	return s.scrubObject(ctx, o, a)
}

// scrubLinked verifies an object of a layer, in which nothing is written; its manifest may be there only, and is made for this store where it is
// not. A *LayerError says that it cannot be used; a link such as no store makes is damage.
func (s *Store) scrubLinked(ctx context.Context, o Object, a tree.Auditor) ([]Damage, error) {
	var layer *LayerError
	if err := s.judgeLinked(o); errors.As(err, &layer) && layer.Problem == LayerStrange {
		return []Damage{{LinkDamage, s.Path(o), fmt.Sprintf("leads to %q, which is no object of a layer", layer.Layer), o.Tree}}, nil
	} else if err != nil {
		return nil, err
	}
	a.Known = nil
	want, err := s.KeptManifest(o.Tree)
	if err != nil {
		var damaged *DamagedError
		want, err = s.rescan(o.Tree)
		switch {
		case errors.As(err, &damaged):
			return append(s.damageOf(o, damaged.Faults), s.checkInfo(o, tree.Manifest{})...), nil
		case err != nil:
			return nil, err
		}
		return s.checkInfo(o, want), nil // its files were read just now
	}
	faults, err := s.audit(ctx, o, want, a)
	return append(s.damageOf(o, faults), s.checkInfo(o, want)...), err
}

// damageOf names what is wrong with an object's files.
func (s *Store) damageOf(o Object, faults []tree.Fault) []Damage {
	var damage []Damage
	for _, f := range faults {
		damage = append(damage, Damage{ObjectDamage, filepath.Join(s.Path(o), filepath.FromSlash(f.Path)), f.Problem, o.Tree})
	}
	return damage
}

// scrubObject verifies what belongs to an object alone. The error is fs.ErrNotExist for one that was collected meanwhile.
func (s *Store) scrubObject(ctx context.Context, o Object, a tree.Auditor) ([]Damage, error) {
	var damage []Damage
	want, err := s.KeptManifest(o.Tree)
	if err != nil {
		damage, err = s.lostManifest(o, err)
		return append(damage, s.checkInfo(o, tree.Manifest{})...), err
	}
	files, err := s.root.Open(filesDir)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	a.Known = knownIn(int(files.Fd()), want)
	faults, err := s.audit(ctx, o, want, a)
	if err != nil {
		return nil, err
	}
	damage = append(damage, s.damageOf(o, faults)...)
	return append(damage, s.checkInfo(o, want)...), nil
}

// knownIn returns the contents of the files that are links of those in files/: their bytes are read there.
func knownIn(files int, want tree.Manifest) tree.Known {
	entries := want.Entries()
	return func(e tree.Entry, st *unix.Stat_t) (digest.Content, bool) {
		i, ok := slices.BinarySearchFunc(entries, e.Path, func(e tree.Entry, path string) int { return strings.Compare(e.Path, path) })
		if !ok || e.Size < ShareSize || e.Kind != entries[i].Kind {
			return digest.Content{}, false
		}
		var shared unix.Stat_t
		err := sys.Fstatat(files, sharedName(entries[i]), &shared, unix.AT_SYMLINK_NOFOLLOW)
		return entries[i].Content, err == nil && shared.Ino == st.Ino && shared.Dev == st.Dev
	}
}

// audit compares an object with its manifest. What a collector takes away meanwhile misses files: fs.ErrNotExist. The
// rename that takes an object away comes before anything of it is unlinked, so faults of one that is still there are true.
func (s *Store) audit(ctx context.Context, o Object, want tree.Manifest, a tree.Auditor) ([]tree.Fault, error) {
	was, err := os.Lstat(s.Path(o))
	if err != nil {
		return nil, err
	}
	faults, err := a.Audit(ctx, s.Path(o), want)
	if err == nil && len(faults) == 0 {
		return nil, nil
	}
	if is, statErr := os.Lstat(s.Path(o)); statErr != nil || !os.SameFile(was, is) {
		return nil, &NotPresentError{o.Tree}
	}
	if err != nil && ctx.Err() == nil {
		return []tree.Fault{{Path: ".", Problem: "cannot be read: " + err.Error()}}, nil
	}
	return faults, err
}

// lostManifest makes the manifest of an object again, and says what became of the old one. Where that was in a description which is lost, it
// is the description that is damaged.
func (s *Store) lostManifest(o Object, lost error) ([]Damage, error) {
	file := s.metaPath(o.Tree, manifestSuffix)
	problem := "is damaged: " + lost.Error()
	if errors.Is(lost, fs.ErrNotExist) {
		problem = "is missing"
	}
	m, err := s.rescan(o.Tree)
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		return append(s.damageOf(o, damaged.Faults), Damage{ManifestDamage, file, problem, o.Tree}), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return []Damage{{ManifestDamage, file, problem, o.Tree}, {ObjectDamage, s.Path(o), err.Error(), o.Tree}}, nil
	case short(m) != "" && s.checkInfo(o, m) != nil:
		return nil, nil
	}
	return []Damage{{ManifestDamage, file, problem + "; it was made again from the object, which is whole", o.Tree}}, nil
}

// checkInfo judges the description of an object; m is its manifest, the zero one where it was not to be had.
func (s *Store) checkInfo(o Object, m tree.Manifest) []Damage {
	info, err := s.readInfo(o.Tree)
	problem := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(s.Path(o)); err != nil {
			return nil // collected meanwhile
		}
		problem = "is missing"
	case err != nil:
		problem = "is damaged: " + err.Error()
	case info.Object != o:
		problem = fmt.Sprintf("names the object %s, which is %s", info.Object.Base(), o.Base())
	case len(m.Entries()) > 0 && (info.Files != len(m.Entries()) || info.Size != m.Size()):
		problem = "does not say how large the object is"
	}
	if problem == "" {
		return nil
	}
	return []Damage{{DescriptionDamage, s.metaPath(o.Tree, infoSuffix), problem, o.Tree}}
}
